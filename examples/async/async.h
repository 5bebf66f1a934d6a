/* async - takes lines, runs a job for each on the work pool, and answers when it has ended.
 *
 *   async.c     clients: lines in, jobs out, answers back
 *   command.c   the job; it runs on the work pool, where it may block
 *   options.c   the options
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ASYNC_H
#define ASYNC_H

#include <goevd/plugin.h>

enum order {
    ORDER_REQUEST,   /* answers come in the order of the lines */
    ORDER_COMPLETION /* each comes as soon as it is known */
};

struct options {
    int order; /* enum order */
    int64_t jobs_max;
    int64_t sleep_max_ns;
    bool resolve;
    struct goevd_str root; /* data NULL: no digests */
    int64_t digest_max_bytes;
};

extern const struct goevd_schema async_options;

/* One line, "TAG ok RESULT" or "TAG error REASON". */
struct answer {
    size_t len;
    char text[1024];
};

/* Answer a line "TAG COMMAND ARGUMENT" with the formatted text. */
GOEVD_PRINTF(3, 4)
void answer_set(struct answer *a, const char *line, const char *format, ...);

/* Do the job of a line, however long it takes. `root` is the folder's fd, -1 for none. */
void command_run(const struct options *o, int root, const char *line, struct answer *ret);

#endif

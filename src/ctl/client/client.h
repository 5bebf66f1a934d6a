/* goevd ctl: requests to a running goevd, and printing of the replies.
 *
 *   client.c             the processes that get the request
 *   fetch.c              one request and its reply
 *   rates.c              present rates, for the first line of status
 *   top.c                present rates, again and again
 *   print_status.c       status, and its exit status
 *   print_stats.c        stats: the metrics of all workers, added up
 *   print_connections.c  connections, of all workers
 *   print_time.c         times and amounts for people
 */
#pragma once

#include <stdbool.h>

struct ctl_request {
    char **words;
    int word_count;
    bool json;
    bool all;             /* of stats: zeros too */
    unsigned times;       /* of top; 0: until a key ends it */
    bool quiet;           /* why something is refused is in the log */
    const char *listener; /* of connections; NULL: all */
};

/* A request is one line. 0; -EINVAL after a line on stderr. */
int client_check_words(const struct ctl_request *request);

/* Ask at the socket at path, and print the reply. The exit status: EXIT_OK; EXIT_REFUSED after
 * a line on stderr if it was refused, or if there was no reply, or not all of it; of status one of
 * those in goevd(8). */
int client_ask(const char *path, const struct ctl_request *request);

/* Jobs on the work pool, behind commands of one line each:
 *
 *   sleep MS WORD   a job that sleeps, then answers WORD; or until a file of that name is there
 *   order MS WORD   the same, in the order of these lines
 *   where 0 WORD    a job, then WORD and: "home" if it ran on a thread of its own and has come back
 * to the one that serves the connection, else "astray"; and which poller that is now answers at
 * once
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <goevd/poller.h>
#include <goevd/work.h>

#include "plain.h"

#define WORD_MAX 32
#define UNTIL_MAX 256

struct job {
    unsigned ms;
    char until[UNTIL_MAX]; /* a path; with it ms is 0 */
    char word[WORD_MAX];
    bool where;
    pthread_t asked, ran;
};

static int
job_run(void *arg)
{
    struct job *job = arg;

    job->ran = pthread_self();
    while (*job->until == '/' && access(job->until, F_OK) < 0)
        usleep(1000);
    usleep(job->ms * 1000);
    return (int)job->ms;
}

static int
job_where(const struct job *job, struct goevd_conn *c, char *line, size_t size)
{
    bool home = pthread_equal(job->asked, pthread_self()) && !pthread_equal(job->ran, job->asked);

    return snprintf(line, size, "%s %s %u\n", job->word, home ? "home" : "astray",
                    goevd_poller_index(goevd_conn_poller(c)));
}

static void
job_done(struct goevd_conn *c, void *arg, int result)
{
    struct job *job = arg;
    char line[64];

    if (c) {
        if (job->where)
            job_where(job, c, line, sizeof(line));
        else
            snprintf(line, sizeof(line), "%s %d\n", job->word, result);
        goevd_conn_write(c, line, strlen(line));
    }
    free(job);
}

static int
working_submit(struct goevd_conn *c, const char *kind, const struct job *like)
{
    struct goevd_self *self = *(struct goevd_self **)goevd_conn_instance(c);
    unsigned flags = strcmp(kind, "order") == 0 ? GOEVD_SUBMIT_ORDERED : 0;
    struct job *job = malloc(sizeof(*job));
    int r;

    if (!job)
        return -ENOMEM;
    *job = *like;
    job->where = strcmp(kind, "where") == 0;
    job->asked = pthread_self();
    r = goevd_submit(self, goevd_conn_poller(c), goevd_conn_id(c), flags, job_run, job_done, job);
    if (r < 0)
        free(job);
    return r == -EAGAIN ? goevd_conn_write(c, "busy\n", 5) : r;
}

static ptrdiff_t
working_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    const char *end;
    size_t used = 0;

    (void)state, (void)fresh, (void)flags;
    while ((end = memchr(data + used, '\n', len - used))) {
        char line[UNTIL_MAX + 64], kind[8];
        struct job job;
        int r = -EPROTO;

        snprintf(line, sizeof(line), "%.*s", (int)(end - data - (ptrdiff_t)used), data + used);
        used = (size_t)(end + 1 - data);
        if (strcmp(line, "now") == 0)
            r = goevd_conn_write(c, "now\n", 4);
        else if (sscanf(line, "%7s %255s %31s", kind, job.until, job.word) == 3) {
            job.ms = (unsigned)strtoul(job.until, NULL, 10);
            r = working_submit(c, kind, &job);
        }
        if (r < 0)
            return r;
    }
    return (ptrdiff_t)used;
}

static const struct goevd_stream working_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = working_read,
};

static int
working_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct goevd_self **own = malloc(sizeof(*own));

    (void)options;
    if (!own)
        return -ENOMEM;
    *own = self;
    *ret_instance = own;
    return 0;
}

static void
working_destroy(void *instance)
{
    free(instance);
}

static const void *
working_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &working_stream : NULL;
}

GOEVD_PLUGIN(.name = "working", .description = "gives work to the work pool",
             .create = working_create, .destroy = working_destroy, .interface = working_interface);

/* Calls the functions of the public header for pollers, by commands of one line each:
 *
 *   set KEY WORD  a value of the poller cache, for all pollers
 *   unset KEY     takes it away
 *   get KEY       the value on every poller, in order of their index
 *   count         runs on every poller; reports how often it has run on each
 *   call N        runs on poller N, and reports its poller
 *   away N        the same, asked for by a thread of the work pool
 *   fill          keeps the next poller busy and calls it until its mailbox is full
 *   pipe          watches a pipe until a byte has come, and frees the watch in its callback
 *   hangup        watches a pipe whose other end closes, then watches nothing
 *   write         watches the end of a pipe that there is room in
 *   file          watches a regular file, which cannot be
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <goevd/cache.h>
#include <goevd/poller.h>
#include <goevd/threads.h>
#include <goevd/work.h>

#include "plain.h"

#define POLLERS_MAX 8
#define WORD_MAX 32
#define START_KEY 1

struct pollers {
    struct goevd_self *self;
};

struct local {
    unsigned runs;
    char at_start[WORD_MAX]; /* what the key that create set stood for in poller_start */
};

/* On its way through the pollers, for the connection that asked. */
struct question {
    struct pollers *pollers;
    uint64_t conn_id;
    uint32_t key;
    unsigned poller; /* for away */
    char answers[POLLERS_MAX][2 * WORD_MAX];
};

struct piped {
    struct pollers *pollers;
    uint64_t conn_id;
    int fds[2];
};

GOEVD_PRINTF(3, 4)
static void
pollers_tell(struct pollers *p, uint64_t conn_id, const char *format, ...)
{
    char line[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    goevd_send(p->self, conn_id, line, (size_t)n, 0);
}

/* ---- Calls and the cache --------------------------------------------------------------------- */

static struct question *
question_new(struct goevd_conn *c, uint32_t key)
{
    struct question *q = calloc(1, sizeof(*q));

    if (q) {
        q->pollers = goevd_conn_instance(c);
        q->conn_id = goevd_conn_id(c);
        q->key = key;
    }
    return q;
}

static void
question_look(struct goevd_poller *poller, void *local, void *arg)
{
    struct question *q = arg;
    size_t len = 0;
    const char *word = goevd_cache_get(q->pollers->self, poller, q->key, &len);

    (void)local;
    snprintf(q->answers[goevd_poller_index(poller)], 2 * WORD_MAX, "%.*s", word ? (int)len : 1,
             word ? word : "-");
}

static void
question_count(struct goevd_poller *poller, void *arg, void *question)
{
    struct question *q = question;
    struct local *local = arg;

    if (goevd_poller_local(q->pollers->self, poller) != local)
        abort();
    snprintf(q->answers[goevd_poller_index(poller)], 2 * WORD_MAX, "%u%s", ++local->runs,
             local->at_start);
}

static void
question_answer(void *arg)
{
    struct question *q = arg;
    char line[POLLERS_MAX * 2 * WORD_MAX] = "";

    for (unsigned i = 0; i < goevd_poller_count(); i++) {
        strcat(line, i ? " " : "");
        strcat(line, q->answers[i]);
    }
    pollers_tell(q->pollers, q->conn_id, "%s\n", line);
    free(q);
}

static void
question_here(struct goevd_poller *poller, void *local, void *arg)
{
    struct question *q = arg;

    pollers_tell(q->pollers, q->conn_id, "on %u%s\n", goevd_poller_index(poller),
                 local ? "" : " without storage");
    free(q);
}

static int
pollers_ask_all(struct goevd_conn *c, uint32_t key, goevd_call_fn fn)
{
    struct question *q = question_new(c, key);
    int r = q ? goevd_call_all(q->pollers->self, fn, question_answer, q) : -ENOMEM;

    if (r < 0)
        free(q);
    return r;
}

static int
pollers_ask_one(struct goevd_conn *c, unsigned poller)
{
    struct question *q = question_new(c, 0);
    int r = q ? goevd_call(q->pollers->self, poller, question_here, q) : -ENOMEM;

    if (r == -EINVAL)
        goevd_conn_write(c, "no such poller\n", 15);
    if (r < 0)
        free(q);
    return r == -EINVAL ? 0 : r;
}

static int
question_call(void *arg)
{
    struct question *q = arg;

    if (goevd_call(q->pollers->self, q->poller, question_here, q) < 0)
        abort();
    return 0;
}

static void
question_called(struct goevd_conn *c, void *arg, int result)
{
    (void)c, (void)arg, (void)result; /* question_here() has it */
}

static int
pollers_ask_from_away(struct goevd_conn *c, unsigned poller)
{
    struct question *q = question_new(c, 0);
    int r;

    if (!q)
        return -ENOMEM;
    q->poller = poller;
    r = goevd_submit(q->pollers->self, goevd_conn_poller(c), 0, 0, question_call, question_called,
                     q);
    if (r < 0)
        free(q);
    return r;
}

/* ---- A full mailbox -------------------------------------------------------------------------- */

struct filled {
    sem_t busy, go;
    unsigned ran;
    unsigned fitted;
    struct question *question;
};

static void
filled_wait(struct goevd_poller *poller, void *local, void *arg)
{
    struct filled *f = arg;

    (void)poller, (void)local;
    sem_post(&f->busy);
    sem_wait(&f->go);
}

static void
filled_count(struct goevd_poller *poller, void *local, void *arg)
{
    (void)poller, (void)local;
    ((struct filled *)arg)->ran++;
}

static void
filled_pass(struct goevd_poller *poller, void *local, void *arg)
{
    (void)poller, (void)local, (void)arg;
}

/* Behind all the others. */
static void
filled_answer(void *arg)
{
    struct filled *f = arg;

    pollers_tell(f->question->pollers, f->question->conn_id, "%u fitted, %u ran\n", f->fitted,
                 f->ran);
    sem_destroy(&f->busy);
    sem_destroy(&f->go);
    free(f->question);
    free(f);
}

static int
pollers_fill(struct goevd_conn *c)
{
    struct filled *f = calloc(1, sizeof(*f));
    struct goevd_self *self = ((struct pollers *)goevd_conn_instance(c))->self;
    unsigned next = (goevd_poller_index(goevd_conn_poller(c)) + 1) % goevd_poller_count();
    int r;

    if (!f || !(f->question = question_new(c, 0)))
        abort();
    sem_init(&f->busy, 0, 0);
    sem_init(&f->go, 0, 0);
    if (goevd_call(self, next, filled_wait, f) < 0)
        abort();
    sem_wait(&f->busy);
    while ((r = goevd_call(self, next, filled_count, f)) == 0)
        f->fitted++;
    sem_post(&f->go);
    if (r != -EAGAIN)
        abort();
    return goevd_call_all(self, filled_pass, filled_answer, f);
}

/* ---- File descriptors ------------------------------------------------------------------------ */

static void
piped_end(struct goevd_watch *w, struct piped *p)
{
    goevd_watch_free(w);
    for (int i = 0; i < 2; i++)
        if (p->fds[i] >= 0)
            close(p->fds[i]);
    free(p);
}

static void
piped_byte(struct goevd_watch *w, unsigned events, void *arg)
{
    struct piped *p = arg;
    char byte;

    if (read(p->fds[0], &byte, 1) == 1)
        pollers_tell(p->pollers, p->conn_id, "byte %c events %u\n", byte, events);
    piped_end(w, p);
}

/* Muted at the first event: another event would add a second line. */
static void
piped_hangup(struct goevd_watch *w, unsigned events, void *arg)
{
    struct piped *p = arg;

    goevd_watch_set(w, 0);
    pollers_tell(p->pollers, p->conn_id, "hung up %u\n", events);
    piped_end(w, p);
}

static void
piped_room(struct goevd_watch *w, unsigned events, void *arg)
{
    struct piped *p = arg;

    pollers_tell(p->pollers, p->conn_id, "room events %u\n", events);
    piped_end(w, p);
}

static int
pollers_watch(struct goevd_conn *c, int end, unsigned events, goevd_watch_fn fn,
              struct piped **ret_piped)
{
    struct piped *p = calloc(1, sizeof(*p));
    struct goevd_watch *w;

    if (!p || pipe2(p->fds, O_NONBLOCK | O_CLOEXEC) < 0)
        abort();
    p->pollers = goevd_conn_instance(c);
    p->conn_id = goevd_conn_id(c);
    w = goevd_watch_new(goevd_conn_poller(c), p->fds[end], fn, p);
    if (!w)
        abort();
    *ret_piped = p;
    return goevd_watch_set(w, events);
}

static int
pollers_pipe(struct goevd_conn *c)
{
    struct piped *p;
    int r = pollers_watch(c, 0, GOEVD_WATCH_READ, piped_byte, &p);

    return r == 0 && write(p->fds[1], "x", 1) != 1 ? -errno : r;
}

static int
pollers_hangup(struct goevd_conn *c)
{
    struct piped *p;
    int r = pollers_watch(c, 0, GOEVD_WATCH_READ, piped_hangup, &p);

    close(p->fds[1]);
    p->fds[1] = -1;
    return r;
}

/* Filled and emptied before epoll looks: there is room again. */
static int
pollers_write(struct goevd_conn *c)
{
    char block[4096] = {0};
    struct piped *p;
    int r = pollers_watch(c, 1, GOEVD_WATCH_WRITE, piped_room, &p);

    while (write(p->fds[1], block, sizeof(block)) > 0)
        ;
    while (read(p->fds[0], block, sizeof(block)) > 0)
        ;
    return r;
}

static int
pollers_file(struct goevd_conn *c)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct goevd_watch *w = goevd_watch_new(goevd_conn_poller(c), fd, piped_byte, NULL);
    int r = goevd_watch_set(w, GOEVD_WATCH_READ);
    char line[64];

    snprintf(line, sizeof(line), "%s, %s\n", strerror(-r),
             strerror(-goevd_watch_set(w, GOEVD_WATCH_ERROR)));
    goevd_watch_free(w);
    close(fd);
    return goevd_conn_write(c, line, strlen(line));
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int
pollers_set(struct goevd_conn *c, uint32_t key, const char *word)
{
    struct pollers *p = goevd_conn_instance(c);
    int r = goevd_cache_set(p->self, key, word, word ? strlen(word) : 0);

    return r < 0 ? r : goevd_conn_write(c, "set\n", 4);
}

static int
pollers_obey(struct goevd_conn *c, const char *line)
{
    char word[WORD_MAX];
    unsigned n;

    if (sscanf(line, "set %u %31s", &n, word) == 2)
        return pollers_set(c, n, word);
    if (sscanf(line, "unset %u", &n) == 1)
        return pollers_set(c, n, NULL);
    if (sscanf(line, "get %u", &n) == 1)
        return pollers_ask_all(c, n, question_look);
    if (sscanf(line, "call %u", &n) == 1)
        return pollers_ask_one(c, n);
    if (sscanf(line, "away %u", &n) == 1)
        return pollers_ask_from_away(c, n);
    if (strcmp(line, "fill") == 0)
        return pollers_fill(c);
    if (strcmp(line, "count") == 0)
        return pollers_ask_all(c, 0, question_count);
    if (strcmp(line, "pipe") == 0)
        return pollers_pipe(c);
    if (strcmp(line, "hangup") == 0)
        return pollers_hangup(c);
    if (strcmp(line, "write") == 0)
        return pollers_write(c);
    return strcmp(line, "file") == 0 ? pollers_file(c) : -EPROTO;
}

static ptrdiff_t
pollers_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    const char *end = memchr(data, '\n', len);
    char line[64];
    int r;

    (void)state, (void)fresh, (void)flags;
    if (!end || end - data >= (ptrdiff_t)sizeof(line))
        return 0;
    memcpy(line, data, (size_t)(end - data));
    line[end - data] = '\0';
    r = pollers_obey(c, line);
    return r < 0 ? r : end + 1 - data;
}

static const struct goevd_stream pollers_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = pollers_read,
};

/* ---- The instance ---------------------------------------------------------------------------- */

static int
pollers_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct pollers *p = calloc(1, sizeof(*p));
    int r = p ? goevd_cache_set(self, START_KEY, "early", 5) : -ENOMEM;

    (void)options;
    if (r < 0) {
        free(p);
        return r;
    }
    p->self = self;
    *ret_instance = p;
    return 0;
}

static void
pollers_destroy(void *instance)
{
    free(instance);
}

static int
pollers_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct pollers *p = instance;
    struct local *local = calloc(1, sizeof(*local));
    size_t len = 0;
    const char *word = goevd_cache_get(p->self, poller, START_KEY, &len);

    if (!local)
        return -ENOMEM;
    snprintf(local->at_start, sizeof(local->at_start), "%.*s", (int)len, word ? word : "");
    *ret_local = local;
    return 0;
}

static void
pollers_stop(void *instance, struct goevd_poller *poller, void *local)
{
    (void)instance, (void)poller;
    free(local);
}

static const void *
pollers_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &pollers_stream : NULL;
}

GOEVD_PLUGIN(.name = "pollers", .description = "calls the functions for pollers",
             .create = pollers_create, .destroy = pollers_destroy, .poller_start = pollers_start,
             .poller_stop = pollers_stop, .interface = pollers_interface);

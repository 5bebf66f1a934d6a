/* Eight threads send to connections that open and close all the time, over the whole way: a
 * listener, pollers on threads of their own, TCP. Each message says whom it is for, who sent it and
 * which of his it is; the clients know from the greeting who they are. */
#include "unit/net/listener_fixture.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"

#define SENDERS 8
#define TARGETS 32
#define WINDOW 1024   /* sends of one thread that have not completed: all together pass a mailbox */
#define LIFE_MAX 4000 /* messages after which a client ends its connection, at most */

struct message_bytes {
    uint64_t id;
    uint32_t sender;
    uint32_t sequence; /* among this sender's to this id */
};

/* A client, and the connection that it has at present. */
struct target {
    _Atomic uint64_t id;
    atomic_uint written; /* sends that completed with 0 since it opened */
    int fd;
    bool ending; /* it has asked the server to close */
    unsigned life, heard;
    uint32_t next[SENDERS]; /* the sequence that is due */
    char part[sizeof(struct message_bytes)];
    size_t part_len;
};

static struct {
    struct target targets[TARGETS];
    sem_t windows[SENDERS];
    struct dice dice;
    atomic_uint written, dropped, refused;
    _Atomic uint64_t told[SENDERS * SENDS / 64 + 1]; /* a bit for each completion */
    unsigned connections, orderly;
} storm;

/* ---- The server ------------------------------------------------------------------------------ */

static int
storm_open(struct goevd_conn *public, void *state)
{
    struct conn *c = (struct conn *)public;

    atomic_fetch_add(&opened, 1);
    return conn_write(c, &c->watch.id, sizeof(c->watch.id));
}

static ptrdiff_t
storm_read(struct goevd_conn *public, void *state, const char *data, size_t len, size_t fresh,
           unsigned flags)
{
    return (ptrdiff_t)len;
}

static void
storm_close(struct goevd_conn *public, void *state, enum goevd_reason reason)
{
    atomic_fetch_add(&closed, 1);
}

static const struct goevd_stream storm_stream = {
    .on_open = storm_open, .on_read = storm_read, .on_close = storm_close};

/* ---- Senders --------------------------------------------------------------------------------- */

/* The cookie is the target, and below it which of all sends this is. */
static void
storm_sent(void *arg, uint64_t id, uint64_t cookie, int result)
{
    struct target *t = &storm.targets[cookie >> 32];
    uint64_t serial = cookie & UINT32_MAX, bit = UINT64_C(1) << serial % 64;

    assert(poller_current && poller_current->index == slots_id_poller(id));
    assert(result == 0 || result == -EPIPE);
    if (atomic_fetch_or(&storm.told[serial / 64], bit) & bit)
        assert(!"a send has completed twice");
    atomic_fetch_add(result == 0 ? &storm.written : &storm.dropped, 1);
    if (result == 0 && atomic_load(&t->id) == id)
        atomic_fetch_add(&t->written, 1);
    sem_post(&storm.windows[serial / SENDS]);
}

static void *
storm_send(void *arg)
{
    uint32_t sender = (uint32_t)(uintptr_t)arg, sequence[TARGETS] = {0};
    struct dice dice = {sender + 1};
    uint64_t last[TARGETS] = {0};

    for (uint64_t sends = 0; sends < SENDS;) {
        unsigned i = dice_below(&dice, TARGETS);
        struct message_bytes m = {atomic_load(&storm.targets[i].id), sender, 0};
        int r;

        while (sem_wait(&storm.windows[sender]) < 0)
            ;
        if (m.id != last[i])
            sequence[i] = 0;
        last[i] = m.id;
        m.sequence = sequence[i];
        r = net_send(m.id, &m, sizeof(m), (uint64_t)i << 32 | (sender * SENDS + sends), storm_sent,
                     NULL);
        if (r == 0) {
            sends++;
            sequence[i]++;
        } else {
            assert(r == -EAGAIN);
            atomic_fetch_add(&storm.refused, 1);
            sem_post(&storm.windows[sender]);
            sched_yield();
        }
    }
    return NULL;
}

/* ---- Clients --------------------------------------------------------------------------------- */

static void
target_open(struct target *t)
{
    const struct linger reset = {.l_onoff = 1}; /* at close, or ports would run out */
    uint64_t id;

    t->fd = client_open(&bound);
    assert_int_equal(setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    assert_int_equal(client_receive(t->fd, &id, sizeof(id)), sizeof(id));
    memset(t->next, 0, sizeof(t->next));
    t->part_len = t->heard = 0;
    t->ending = false;
    t->life = 1 + dice_below(&storm.dice, LIFE_MAX);
    atomic_store(&t->written, 0);
    atomic_store(&t->id, id);
    storm.connections++;
}

static void
target_hear(struct target *t, const struct message_bytes *m)
{
    assert_true(m->id == atomic_load(&t->id)); /* the right connection */
    assert_in_range(m->sender, 0, SENDERS - 1);
    assert_int_equal(m->sequence, t->next[m->sender]); /* in order, and none is missing */
    t->next[m->sender]++;
    t->heard++;
}

static void
target_take(struct target *t, const char *data, size_t len)
{
    struct message_bytes m;

    while (len > 0) {
        size_t part = MIN(len, sizeof(m) - t->part_len);

        memcpy(t->part + t->part_len, data, part);
        t->part_len += part;
        data += part;
        len -= part;
        if (t->part_len < sizeof(m))
            return;
        memcpy(&m, t->part, sizeof(m));
        target_hear(t, &m);
        t->part_len = 0;
    }
}

/* The server has flushed and closed: everything that it called written has come. */
static void
target_ended(struct target *t)
{
    assert_true(t->ending);
    assert_int_equal(t->part_len, 0);
    assert_int_equal(t->heard, atomic_load(&t->written));
    storm.orderly++;
    fd_close(t->fd);
    target_open(t);
}

/* Half of them just go, and half ask the server to close. */
static void
target_end(struct target *t)
{
    if (dice_below(&storm.dice, 2)) {
        fd_close(t->fd);
        target_open(t);
    } else {
        t->ending = net_close(atomic_load(&t->id), 0) == 0; /* else it is tried again */
    }
}

/* False if nothing was there. */
static bool
target_receive(struct target *t)
{
    char data[16384];
    ssize_t n = recv(t->fd, data, sizeof(data), MSG_DONTWAIT);

    if (n < 0) {
        assert_int_equal(errno, EAGAIN);
        return false;
    }
    if (n == 0) {
        target_ended(t);
        return true;
    }
    target_take(t, data, (size_t)n);
    if (t->heard >= t->life && !t->ending)
        target_end(t);
    return true;
}

static void
storm_receive(void)
{
    struct pollfd fds[TARGETS];
    bool some = false;

    for (unsigned i = 0; i < TARGETS; i++) {
        some |= target_receive(&storm.targets[i]);
        fds[i] = (struct pollfd){.fd = storm.targets[i].fd, .events = POLLIN};
    }
    if (!some)
        poll(fds, TARGETS, 10);
}

static unsigned
storm_told(void)
{
    return atomic_load(&storm.written) + atomic_load(&storm.dropped);
}

static void
test_send_storm_completes_each_once_and_never_strays(void **state)
{
    uint64_t end = clock_now_ns() + 100 * NS_PER_S;
    pthread_t threads[SENDERS];

    storm.dice = DICE;
    listener_config.stream = &storm_stream;
    listener_config.limits.conn.output_high = listener_config.limits.conn.output_max = 1 << 30;
    listener_pollers.mailbox_max = 2048;
    listener_pollers.messages_max = 1024;
    listener_pollers.buffers_kept_max = 1 << 20;
    listener_start("127.0.0.1:0", 2);
    for (unsigned i = 0; i < TARGETS; i++)
        target_open(&storm.targets[i]);
    for (uintptr_t i = 0; i < SENDERS; i++) {
        sem_init(&storm.windows[i], 0, WINDOW);
        assert_int_equal(pthread_create(&threads[i], NULL, storm_send, (void *)i), 0);
    }
    while (storm_told() < SENDERS * SENDS) {
        assert_true(clock_now_ns() < end);
        storm_receive();
    }
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < TARGETS; i++)
        fd_close(storm.targets[i].fd);
    assert_int_equal(storm_told(), SENDERS * SENDS);
    /* at least one: the number of each depends on the load of the machine */
    assert_true(storm.connections > TARGETS && storm.orderly > 0);
    assert_true(storm.written > 0 && storm.dropped > 0 && storm.refused > 0);
    print_message("# %u sends: %u written, %u dropped; %u connections, %u closed in order\n",
                  SENDERS * SENDS, storm.written, storm.dropped, storm.connections, storm.orderly);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_send_storm_completes_each_once_and_never_strays,
                                        listener_setup, listener_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

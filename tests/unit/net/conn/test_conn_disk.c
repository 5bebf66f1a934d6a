#include "unit/net/net_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/bytes/disk.h"

#define FILE_BYTES 300000

static struct work_pool *pool;
static const struct work_pool_config pool_config = {{[WORK_FILES] = 1}, 1, 262144};
static int file = -1; /* on a disk, and not in memory */

/* Jobs that keep the pool's one thread, and its queue, until the test lets them go. */
static sem_t begun, go;
static struct work jobs[2];

static struct {
    unsigned count;
    int result;
} released;

static void
release(void *arg, int result)
{
    released.count++;
    released.result = result;
}

static int
job_run(struct work *w)
{
    sem_post(&begun);
    sem_wait(&go);
    return 0;
}

static void
job_done(struct work *w, int result)
{
}

static void
hold_pool(unsigned count)
{
    struct stat st;

    assert_int_equal(fstat(file, &st), 0);
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = (struct work){.run = job_run,
                                .done = job_done,
                                .poller = poller,
                                .kind = WORK_FILES,
                                .share = work_share(st.st_dev)};
        assert_int_equal(work_submit(pool, &jobs[i]), 0);
        if (i == 0)
            sem_wait(&begun);
    }
}

static bool
is_forgotten(void)
{
    unsigned char pages[FILE_BYTES / 4096 + 1];
    void *at = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, file, 0);
    bool none = true;

    assert_ptr_not_equal(at, MAP_FAILED);
    assert_int_equal(mincore(at, FILE_BYTES, pages), 0);
    assert_int_equal(munmap(at, FILE_BYTES), 0);
    for (size_t i = 0; i <= (FILE_BYTES - 1) / (size_t)sysconf(_SC_PAGESIZE); i++)
        none = none && !(pages[i] & 1);
    return none;
}

/* A file whose bytes are on the disk alone. It is a new one each time: pages of one that was sent
 * stay in memory for as long as the kernel has not freed the packets that they were in. */
static void
file_anew(void)
{
    static char bytes[FILE_BYTES];
    char name[] = "conn_disk.XXXXXX";
    uint64_t end = clock_now_ns() + 60 * NS_PER_S;

    fd_close(file);
    file = mkostemp(name, O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(unlink(name), 0);
    pattern_fill(bytes, sizeof(bytes));
    assert_int_equal(write(file, bytes, sizeof(bytes)), sizeof(bytes));
    while (!is_forgotten()) {
        assert_true(clock_now_ns() < end);
        assert_int_equal(fdatasync(file), 0);
        assert_int_equal(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
    }
    /* asking for a page brings no other */
    assert_int_equal(posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM), 0);
}

static void
start(const struct transport *transport)
{
    struct work_pool_config config = pool_config;
    char byte;
    struct iovec iov = {&byte, 1};

    file_anew();
    if (preadv2(file, &iov, 1, 0, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP)
        skip(); /* a file system in memory, or one without RWF_NOWAIT */
    fixture_start(&stream_full, transport);
    assert_int_equal(work_pool_new(&config, &pool, NULL), 0);
    net->readers = pool;
}

static int
setup(void **state)
{
    fixture_setup(state);
    memset(&released, 0, sizeof(released));
    limits.linger_timeout_ns = 0;
    sem_init(&begun, 0, 0);
    sem_init(&go, 0, 0);
    return 0;
}

static int
teardown(void **state)
{
    sem_post(&go);
    sem_post(&go);
    work_pool_stop(pool);
    if (poller)
        calm();
    work_pool_free(pool);
    pool = NULL;
    sem_destroy(&begun);
    sem_destroy(&go);
    file = fd_close(file);
    return fixture_teardown(state);
}

static void
write_between(struct conn *c)
{
    assert_true(conn_write(c, "<", 1) >= 0);
    assert_true(conn_write_file(c, file, 0, FILE_BYTES, release, NULL) >= 0);
    assert_true(conn_write(c, ">", 1) >= 0);
}

static void
write_and_close(struct conn *c)
{
    write_between(c);
    conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
}

static void
write_without_fds(struct conn *c)
{
    struct rlimit before, none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    write_between(c);
    turn(0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void
hear_between(int fd)
{
    const char *heard = peer_hear(fd, FILE_BYTES + 2);

    assert_int_equal(heard[0], '<');
    assert_true(pattern_is(heard + 1, FILE_BYTES));
    assert_int_equal(heard[FILE_BYTES + 1], '>');
    until(released.count == 1);
    assert_int_equal(released.result, 0);
}

/* Closes a connection with its queued output; *fd is its other end. */
static void
give_up(struct seen *who, int fd)
{
    conn_close(who->c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
    until(who->closed && released.count == 1);
    fd_close(fd);
}

static bool
is_waiting(const struct seen *who)
{
    return !who->closed && who->c->flags & CONN_DISK;
}

/* A connection that waits for the disk; *ret_fd is its other end. Now and then the disk is faster
 * than the question whether it has to be waited for: then it is another one. */
static struct seen *
wait_for_disk(int *ret_fd, void (*write)(struct conn *))
{
    for (unsigned tries = 0; tries < 100; tries++) {
        struct seen *who = &seen[seen_count];

        file_anew();
        released.count = 0;
        *ret_fd = peer_tcp();
        write(who->c);
        until(released.count || who->c->flags & (CONN_DISK | CONN_BLOCKED));
        if (is_waiting(who))
            return who;
        if (who->closed)
            fd_close(*ret_fd);
        else
            give_up(who, *ret_fd);
    }
    fail();
    return NULL;
}

static void
test_conn_disk_nobody_waits_for_another_one_s_file(void **state)
{
    int reader, other;
    struct seen *who;

    start(&transport_plain);
    script.read = script_echo;
    hold_pool(1);
    who = wait_for_disk(&reader, write_between);
    other = peer_tcp();
    assert_memory_equal(peer_hear(reader, 1), "<", 1);
    assert_false(who->c->flags & CONN_BLOCKED);
    peer_say(other, "hello");
    assert_memory_equal(peer_hear(other, 5), "hello", 5);
    peer_say(reader, "I am here");
    until(who->reads == 1);
    assert_true(who->c->flags & CONN_DISK);
    assert_int_equal(net->metrics->disk_reads, 1);
    assert_int_equal(net->metrics->disk_bytes, 0);
    sem_post(&go);
    assert_true(pattern_is(peer_hear(reader, FILE_BYTES), FILE_BYTES));
    until(released.count == 1);
    assert_in_range(net->metrics->disk_bytes, 1, FILE_BYTES);
    fd_close(reader);
    fd_close(other);
}

static void
test_conn_disk_keeps_the_order(void **state)
{
    int fd;

    start(&transport_faulty);
    for (int i = 0; i < 4; i++) {
        faults.no_send_file = i % 2;
        faults.write_max = i / 2 ? 7777 : 0;
        wait_for_disk(&fd, write_between);
        hear_between(fd);
        fd_close(fd);
    }
}

static void
test_conn_disk_file_in_memory_is_sent_at_once(void **state)
{
    static char bytes[FILE_BYTES];
    int fd, memory = memfd_create("file", MFD_CLOEXEC);

    assert_int_equal(ftruncate(memory, FILE_BYTES), 0);
    assert_int_equal(disk_ready(memory, 0, FILE_BYTES), FILE_BYTES);
    fd_close(memory);
    start(&transport_plain);
    assert_int_equal(pread(file, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(disk_ready(file, 0, FILE_BYTES), FILE_BYTES);
    hold_pool(1);
    fd = peer_tcp();
    write_between(seen[0].c);
    hear_between(fd);
    assert_int_equal(net->metrics->disk_reads, 0);
    fd_close(fd);
}

/* Cached bytes are sent, and only the rest is waited for; but the disk may be faster than the
 * check.
 */
static void
test_conn_disk_beginning_in_memory(void **state)
{
    unsigned tries = 0;
    size_t ready;
    char byte;

    start(&transport_plain);
    do {
        assert_true(tries++ < 100);
        file_anew();
        assert_int_equal(pread(file, &byte, 1, 0), 1);
        ready = disk_ready(file, 0, FILE_BYTES);
        assert_in_range(ready, 1, FILE_BYTES);
        assert_int_equal(disk_ready(file, (off_t)ready - 1, 1), 1);
    } while (ready == FILE_BYTES || disk_ready(file, FILE_BYTES / 2, FILE_BYTES / 2) > 0);
    assert_int_equal(disk_ready(file, FILE_BYTES, 10), 10); /* sendfile(2) says that it is over */
    assert_int_equal(disk_ready(-1, 0, 10), 10);
}

static void
test_conn_disk_connection_that_ends_meanwhile(void **state)
{
    struct seen *who;
    int fd;

    start(&transport_plain);
    for (int i = 0; i < 3; i++) {
        hold_pool(1);
        who = wait_for_disk(&fd, write_between);
        if (i == 0)
            give_up(who, fd);
        else
            fd_close(fd);
        if (i == 2) /* it has asked for the time to send the rest */
            conn_close(who->c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
        else
            until(who->closed && released.count == 1);
        sem_post(&go);
        until(who->closed && released.count == 1);
        assert_int_equal(released.result, -EPIPE);
        work_pool_stop(pool); /* its end is in the mailbox */
        calm();
        work_pool_free(pool);
        assert_int_equal(work_pool_new(&pool_config, &pool, NULL), 0);
        net->readers = pool;
    }
}

static void
test_conn_disk_flushes_at_close(void **state)
{
    static char heard[FILE_BYTES + 2];
    struct seen *who;
    int fd;

    start(&transport_plain);
    hold_pool(1);
    who = wait_for_disk(&fd, write_and_close);
    calm();
    assert_int_equal(who->closed, 0);
    sem_post(&go);
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    assert_true(pattern_is(heard + 1, FILE_BYTES));
    fd_close(fd);
}

/* A job that waits already, and the queue has room for one. */
static void
test_conn_disk_full_pool_is_asked_again(void **state)
{
    int fd;

    start(&transport_plain);
    hold_pool(2);
    wait_for_disk(&fd, write_between);
    assert_true(net->metrics->disk_refused > 0);
    assert_int_equal(net->metrics->disk_reads, 0);
    sem_post(&go);
    sem_post(&go);
    hear_between(fd);
    fd_close(fd);
}

static void
test_conn_disk_full_pool_while_closing(void **state)
{
    static char heard[FILE_BYTES + 2];
    int fd;

    start(&transport_plain);
    hold_pool(2);
    wait_for_disk(&fd, write_and_close);
    assert_true(net->metrics->disk_refused > 0);
    sem_post(&go);
    sem_post(&go);
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    fd_close(fd);
}

static void
test_conn_disk_without_file_descriptors_is_asked_again(void **state)
{
    int fd;

    start(&transport_plain);
    wait_for_disk(&fd, write_without_fds);
    assert_true(net->metrics->disk_refused > 0);
    hear_between(fd);
    fd_close(fd);
}

static void
test_conn_disk_stopped_pool_is_done_without(void **state)
{
    int fd;

    start(&transport_plain);
    hold_pool(1);
    wait_for_disk(&fd, write_between);
    sem_post(&go);
    work_pool_stop(pool);
    hear_between(fd);
    fd_close(fd);
}

static void
test_conn_disk_file_that_ends_early_closes(void **state)
{
    struct seen *who;
    int fd;

    start(&transport_plain);
    hold_pool(1);
    who = wait_for_disk(&fd, write_between);
    assert_int_equal(ftruncate(file, 0), 0);
    sem_post(&go);
    until(who->closed);
    assert_int_equal(who->reason, GOEVD_REASON_ERROR);
    assert_int_equal(released.count, 1);
    assert_int_equal(released.result, -EIO);
    fd_close(fd);
}

static bool
has_come(int fd)
{
    int len;

    assert_int_equal(ioctl(fd, FIONREAD, &len), 0);
    return len > 0;
}

/* Its peer takes the bytes before the file only when the time for them runs already: *ret_due_ns is
 * its end. */
static struct seen *
wait_for_disk_late(int *ret_fd, uint64_t *ret_due_ns)
{
    static char bytes[FILE_BYTES];

    pattern_fill(bytes, sizeof(bytes));
    for (unsigned tries = 0; tries < 100; tries++) {
        struct seen *who = &seen[seen_count];

        file_anew();
        released.count = 0;
        *ret_fd = peer_unix();
        assert_true(conn_write(who->c, bytes, sizeof(bytes)) >= 0);
        assert_true(conn_write_file(who->c, file, 0, FILE_BYTES, release, NULL) >= 0);
        turn(0);
        assert_true(who->c->flags & CONN_BLOCKED);
        *ret_due_ns = conn_slow_due_ns(who->c);
        peer_hear(*ret_fd, FILE_BYTES);
        until(is_waiting(who) || has_come(*ret_fd));
        if (is_waiting(who))
            return who;
        give_up(who, *ret_fd);
    }
    fail();
    return NULL;
}

/* A reader of cached bytes does not wait for the disk. */
static void
test_conn_disk_peer_is_not_too_slow(void **state)
{
    struct seen *who;
    uint64_t due_ns;
    int fd;

    limits.output_rate = 1000000;
    limits.output_timeout_ns = 500 * NS_PER_MS;
    limits.output_max = 2 * FILE_BYTES;
    start(&transport_plain);
    hold_pool(1);
    who = wait_for_disk_late(&fd, &due_ns);
    assert_int_equal(conn_slow_due_ns(who->c), UINT64_MAX);
    until(poller->now_ns > due_ns);
    sem_post(&go);
    until(!is_waiting(who));
    assert_int_equal(who->closed, 0);
    if (who->c->outq) /* it goes on where it was */
        assert_in_range(conn_slow_due_ns(who->c), due_ns, UINT64_MAX - 1);
    assert_true(pattern_is(peer_hear(fd, FILE_BYTES), FILE_BYTES));
    fd_close(fd);
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(test_conn_disk_nobody_waits_for_another_one_s_file),
        DISK_TEST(test_conn_disk_keeps_the_order),
        DISK_TEST(test_conn_disk_file_in_memory_is_sent_at_once),
        DISK_TEST(test_conn_disk_beginning_in_memory),
        DISK_TEST(test_conn_disk_connection_that_ends_meanwhile),
        DISK_TEST(test_conn_disk_flushes_at_close),
        DISK_TEST(test_conn_disk_full_pool_is_asked_again),
        DISK_TEST(test_conn_disk_full_pool_while_closing),
        DISK_TEST(test_conn_disk_without_file_descriptors_is_asked_again),
        DISK_TEST(test_conn_disk_stopped_pool_is_done_without),
        DISK_TEST(test_conn_disk_file_that_ends_early_closes),
        DISK_TEST(test_conn_disk_peer_is_not_too_slow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/accept/listen.h"

static struct listen_options options;
static struct address bound;
static int fds[4];
static struct err err;
static char directory[] = "/tmp/goevd-listen-XXXXXX";
static char path[64], address_text[80];

static int
setup_group(void **state)
{
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/socket", directory);
    snprintf(address_text, sizeof(address_text), "unix:%s", path);
    return 0;
}

static int
teardown_group(void **state)
{
    unlink(path);
    return rmdir(directory);
}

static int
setup(void **state)
{
    options = (struct listen_options){
        .backlog = 16, .unix_mode = 0640, .unix_uid = UINT32_MAX, .unix_gid = UINT32_MAX};
    err = (struct err){0};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = -1;
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = fd_close(fds[i]);
    unlink(path);
    return 0;
}

static int
open_text(const char *text, unsigned count, int *ret_fds)
{
    struct address a;

    assert_int_equal(address_parse(text, &a, NULL), 0);
    err = (struct err){0};
    return listen_open(&a, &options, count, ret_fds, &bound, &err);
}

static int
option_of(int fd, int level, int name)
{
    socklen_t len = sizeof(int);
    int value = -1;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static void
test_listen_port_zero_is_one_port_for_all_sockets(void **state)
{
    assert_int_equal(open_text("127.0.0.1:0", 4, fds), 0);
    assert_true(address_port(&bound) > 0);
    for (int i = 0; i < 4; i++) {
        struct address a = {.len = sizeof(a.storage)};

        assert_int_equal(getsockname(fds[i], &a.sa, &a.len), 0);
        assert_int_equal(address_port(&a), address_port(&bound));
        assert_int_equal(option_of(fds[i], SOL_SOCKET, SO_ACCEPTCONN), 1);
        assert_int_equal(option_of(fds[i], SOL_SOCKET, SO_REUSEPORT), 1);
    }
}

/* Ours share the port among themselves, and would with anybody: still it is in use. */
static void
test_listen_port_in_use_is_an_error_though_it_is_shared(void **state)
{
    char text[40];
    int more[2], rc;

    assert_int_equal(open_text("127.0.0.1:0", 2, fds), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", address_port(&bound));
    rc = open_text(text, 2, more);
    assert_int_equal(rc, -EADDRINUSE);
    assert_non_null(strstr(err.text, text));
    snprintf(text, sizeof(text), ":%u", address_port(&bound));
    assert_int_equal(open_text(text, 2, more), -EADDRINUSE);
}

/* What bind(2) says of `second` while `first` listens. */
static bool
kernel_refuses(const char *first, const char *second, bool only)
{
    int one = 1, v6_only = only, fd;
    struct address a;
    char text[64];
    bool refused;

    teardown(NULL);
    options.ipv6_only = only;
    assert_int_equal(open_text(first, 1, fds), 0);
    snprintf(text, sizeof(text), "%s%u", second, address_port(&bound));
    assert_int_equal(address_parse(text, &a, NULL), 0);
    fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a.sa.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    refused = bind(fd, &a.sa, a.len) < 0;
    assert_true(!refused || errno == EADDRINUSE);
    fd_close(fd);
    assert_int_equal(listen_conflicts(fds[0], &a, only), refused);
    return refused;
}

static void
test_listen_conflicts_are_those_of_the_kernel(void **state)
{
    static const char *const first[] = {"127.0.0.1:0", "0.0.0.0:0", "[::]:0", "[::1]:0",
                                        "[::ffff:127.0.0.1]:0"};
    static const char *const second[] = {
        "127.0.0.1:", "127.0.0.2:", "0.0.0.0:", "[::]:", "[::1]:", "[::ffff:127.0.0.1]:"};
    unsigned refused = 0;

    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        for (size_t k = 0; k < ARRAY_LEN(second); k++)
            for (int only = 0; only < 2; only++)
                if (!only || (!strstr(first[i], "ffff") && !strstr(second[k], "ffff")))
                    refused += kernel_refuses(first[i], second[k], only);
    assert_in_range(refused, 10, 50);
}

static void
test_listen_beside_draws_nothing_before_it_listens(void **state)
{
    char text[40];
    struct address any, new_bound;
    int new_fds[2];

    assert_int_equal(open_text("0.0.0.0:0", 1, fds), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", address_port(&bound));
    assert_int_equal(address_parse(text, &any, NULL), 0);
    assert_true(listen_is_beside(fds[0], &any, false));
    assert_int_equal(listen_open_beside(&any, &options, 2, new_fds, &new_bound, &err), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(option_of(new_fds[i], SOL_SOCKET, SO_ACCEPTCONN), 0);
        assert_int_equal(listen_adjust(new_fds[i], &new_bound, &options, &err), 0);
        assert_int_equal(option_of(new_fds[i], SOL_SOCKET, SO_ACCEPTCONN), 1);
        fd_close(new_fds[i]);
    }
}

static void
test_listen_port_is_free_again_when_it_is_closed(void **state)
{
    char text[40];

    assert_int_equal(open_text("127.0.0.1:0", 2, fds), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", address_port(&bound));
    teardown(NULL);
    assert_int_equal(open_text(text, 2, fds), 0);
}

static void
test_listen_without_a_host_takes_both_families(void **state)
{
    char text[ADDRESS_TEXT_MAX];
    int r = -EADDRINUSE;

    assert_int_equal(open_text(":0", 1, fds), 0);
    assert_int_equal(bound.sa.sa_family, AF_INET6);
    assert_int_equal(option_of(fds[0], IPPROTO_IPV6, IPV6_V6ONLY), 0);
    fds[0] = fd_close(fds[0]);
    options.ipv6_only = true;
    for (int tries = 16; r == -EADDRINUSE && tries > 0; tries--) {
        fds[0] = fd_close(fds[0]);
        assert_int_equal(open_text("[::]:0", 1, fds), 0);
        assert_int_equal(option_of(fds[0], IPPROTO_IPV6, IPV6_V6ONLY), 1);
        snprintf(text, sizeof(text), "0.0.0.0:%u", address_port(&bound));
        r = open_text(text, 1, fds + 1); /* the other family is free, but for other programs */
    }
    assert_int_equal(r, 0);
}

static void
test_listen_options_reach_the_socket(void **state)
{
    options.nodelay = true;
    options.defer_accept_s = 5;
    options.keepalive_s = 77;
    options.receive_buffer_bytes = 50000;
    options.send_buffer_bytes = 60000;
    assert_int_equal(open_text("127.0.0.1:0", 1, fds), 0);
    assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_NODELAY), 1);
    assert_true(option_of(fds[0], IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 5);
    assert_int_equal(option_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_KEEPIDLE), 77);
    assert_int_equal(option_of(fds[0], SOL_SOCKET, SO_RCVBUF), 100000); /* socket(7): doubled */
    assert_int_equal(option_of(fds[0], SOL_SOCKET, SO_SNDBUF), 120000);
    options.nodelay = false;
    options.defer_accept_s = options.keepalive_s = 0;
    assert_int_equal(listen_adjust(fds[0], &bound, &options, NULL), 0);
    assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option_of(fds[0], IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    assert_int_equal(option_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
}

static void
test_listen_on_an_address_of_somebody_else_is_an_error(void **state)
{
    assert_int_equal(open_text("192.0.2.1:0", 1, fds), -EADDRNOTAVAIL);
    assert_non_null(strstr(err.text, "192.0.2.1:0"));
}

/* ---- Unix ------------------------------------------------------------------------------------ */

static void
test_listen_unix_sets_the_mode(void **state)
{
    struct listen_file file;
    struct stat st;

    assert_int_equal(open_text(address_text, 1, fds), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_uid, geteuid());
    assert_int_equal(listen_file_find(&bound, &file), 0);
    listen_unlink(&bound, &file);
    assert_int_equal(stat(path, &st), -1);
    assert_int_equal(listen_file_find(&bound, &file), -ENOENT);
}

static void
test_listen_unix_leaves_alone_what_is_not_its_own(void **state)
{
    struct listen_options adjusted = {
        .unix_mode = 0666, .unix_uid = UINT32_MAX, .unix_gid = UINT32_MAX};
    struct listen_file file, other;
    struct stat st;
    char target[sizeof(path) + 8];
    int fd;

    assert_int_equal(open_text(address_text, 1, fds), 0);
    assert_int_equal(listen_file_find(&bound, &file), 0);
    snprintf(target, sizeof(target), "%s.other", path);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0); /* to a socket, even */
    assert_int_equal(listen_file_find(&bound, &other), -EEXIST);
    assert_int_equal(listen_adjust_file(&bound, &file, &adjusted, &err), -ESTALE);
    listen_unlink(&bound, &file);
    assert_int_equal(unlink(path), 0); /* the link was still there */
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(listen_adjust_file(&bound, &file, &adjusted, &err), -ESTALE);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(target, path), 0);
    assert_int_equal(listen_adjust_file(&bound, &file, &adjusted, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    assert_int_equal(unlink(path), 0);
}

static void
test_listen_unix_replaces_a_stale_socket(void **state)
{
    assert_int_equal(open_text(address_text, 1, fds), 0);
    fds[0] = fd_close(fds[0]); /* the file stays */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(open_text(address_text, 1, fds), 0);
}

static void
test_listen_unix_live_socket_is_in_use(void **state)
{
    int more;

    assert_int_equal(open_text(address_text, 1, fds), 0);
    assert_int_equal(open_text(address_text, 1, &more), -EADDRINUSE);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(access(path, F_OK), 0);
}

static void
test_listen_unix_leaves_another_file_alone(void **state)
{
    FILE *file = fopen(path, "w");
    struct stat st;

    assert_non_null(file);
    fputs("precious", file);
    fclose(file);
    assert_int_equal(open_text(address_text, 1, fds), -EEXIST);
    assert_non_null(strstr(err.text, "is not a socket"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 8);
}

static void
test_listen_unix_without_its_directory_is_an_error(void **state)
{
    assert_int_equal(open_text("unix:/nonexistent/socket", 1, fds), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/socket"));
}

static void
test_listen_abstract_in_use_is_an_error(void **state)
{
    char text[64];
    int more;

    snprintf(text, sizeof(text), "unix:@goevd-test-%d", (int)getpid());
    assert_int_equal(open_text(text, 1, fds), 0);
    assert_int_equal(open_text(text, 1, &more), -EADDRINUSE);
    assert_non_null(strstr(err.text, text));
}

#define LISTEN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LISTEN_TEST(test_listen_port_zero_is_one_port_for_all_sockets),
        LISTEN_TEST(test_listen_port_in_use_is_an_error_though_it_is_shared),
        LISTEN_TEST(test_listen_conflicts_are_those_of_the_kernel),
        LISTEN_TEST(test_listen_beside_draws_nothing_before_it_listens),
        LISTEN_TEST(test_listen_port_is_free_again_when_it_is_closed),
        LISTEN_TEST(test_listen_without_a_host_takes_both_families),
        LISTEN_TEST(test_listen_options_reach_the_socket),
        LISTEN_TEST(test_listen_on_an_address_of_somebody_else_is_an_error),
        LISTEN_TEST(test_listen_unix_sets_the_mode),
        LISTEN_TEST(test_listen_unix_leaves_alone_what_is_not_its_own),
        LISTEN_TEST(test_listen_unix_replaces_a_stale_socket),
        LISTEN_TEST(test_listen_unix_live_socket_is_in_use),
        LISTEN_TEST(test_listen_unix_leaves_another_file_alone),
        LISTEN_TEST(test_listen_unix_without_its_directory_is_an_error),
        LISTEN_TEST(test_listen_abstract_in_use_is_an_error),
    };

    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}

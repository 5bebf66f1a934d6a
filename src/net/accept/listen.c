#include "net/accept/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define STEER_SOCKETS_MAX 1024
#define PORT_TRIES 16

/* ---- Options --------------------------------------------------------------------------------- */

static int
listen_set(int fd, int level, int name, int value, const char *what, struct err *reterr)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
        return err_set_errno(reterr, -errno, "cannot set %s to %d", what, value);
    return 0;
}

/* Accepted sockets inherit all of these, tcp(7) and socket(7). */
static int
listen_adjust_tcp(int fd, const struct listen_options *o, struct err *reterr)
{
    int r = listen_set(fd, IPPROTO_TCP, TCP_NODELAY, o->nodelay, "TCP_NODELAY", reterr);

    if (r == 0)
        r = listen_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)o->defer_accept_s,
                       "TCP_DEFER_ACCEPT", reterr);
    if (r == 0)
        r = listen_set(fd, SOL_SOCKET, SO_KEEPALIVE, o->keepalive_s > 0, "SO_KEEPALIVE", reterr);
    if (r == 0 && o->keepalive_s > 0)
        r = listen_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)o->keepalive_s, "TCP_KEEPIDLE", reterr);
    return r;
}

int
listen_adjust(int fd, const struct address *address, const struct listen_options *o,
              struct err *reterr)
{
    int r = 0;

    if (o->receive_buffer_bytes > 0)
        r = listen_set(fd, SOL_SOCKET, SO_RCVBUF, o->receive_buffer_bytes, "SO_RCVBUF", reterr);
    if (r == 0 && o->send_buffer_bytes > 0)
        r = listen_set(fd, SOL_SOCKET, SO_SNDBUF, o->send_buffer_bytes, "SO_SNDBUF", reterr);
    if (r == 0 && address_is_tcp(address))
        r = listen_adjust_tcp(fd, o, reterr);
    if (r == 0 && listen(fd, o->backlog) < 0)
        r = err_set_errno(reterr, -errno, "cannot listen");
    return r;
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static int
listen_socket(const struct address *a, const struct listen_options *o, bool share,
              struct err *reterr)
{
    int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r = 0;
    char text[ADDRESS_TEXT_MAX];

    if (fd < 0)
        return err_set_errno(reterr, -errno, "cannot make a socket");
    r = listen_set(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR", reterr);
    if (r == 0 && share)
        r = listen_set(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT", reterr);
    if (r == 0 && a->sa.sa_family == AF_INET6)
        r = listen_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->ipv6_only, "IPV6_V6ONLY", reterr);
    if (r == 0 && bind(fd, &a->sa, a->len) < 0)
        r = err_set_errno(reterr, -errno, "cannot bind to %s",
                          address_format(&a->sa, a->len, text, sizeof(text)));
    if (r < 0) {
        fd_close(fd);
        return r;
    }
    return fd;
}

/* Without SO_REUSEPORT, bind(2) refuses a port that anybody listens on, even where all of them
 * would share it. */
static int
listen_probe(const struct address *a, const struct listen_options *o, struct err *reterr)
{
    int fd = listen_socket(a, o, false, reterr);

    if (fd < 0)
        return fd;
    fd_close(fd);
    return 0;
}

static int
listen_learn_port(int fd, struct address *a, struct err *reterr)
{
    struct address bound = {.len = sizeof(bound.storage)};

    if (getsockname(fd, &bound.sa, &bound.len) < 0)
        return err_set_errno(reterr, -errno, "cannot learn the port of a socket");
    address_set_port(a, address_port(&bound));
    return 0;
}

static int
listen_bind_port(const struct address *address, const struct listen_options *o, unsigned count,
                 int *ret_fds, struct address *ret_bound, struct err *reterr)
{
    struct address a = *address;
    unsigned n = 0;
    int r = 0;

    while (r == 0 && n < count) {
        ret_fds[n] = listen_socket(&a, o, true, reterr);
        if (ret_fds[n] < 0)
            r = ret_fds[n];
        else if (n++ == 0)
            r = listen_learn_port(ret_fds[0], &a, reterr);
    }
    if (r < 0)
        while (n > 0)
            fd_close(ret_fds[--n]);
    else
        *ret_bound = a;
    return r;
}

static int
listen_open_port(const struct address *address, const struct listen_options *o, unsigned count,
                 int *ret_fds, struct address *ret_bound, struct err *reterr)
{
    int r = listen_probe(address, o, reterr);

    if (r == 0)
        r = listen_bind_port(address, o, count, ret_fds, ret_bound, reterr);
    if (r < 0)
        return r;
    for (unsigned n = 0; r == 0 && n < count; n++)
        r = listen_adjust(ret_fds[n], ret_bound, o, reterr);
    if (r < 0)
        while (count > 0)
            fd_close(ret_fds[--count]);
    return r;
}

/* Another process may take the port that the kernel chose for one socket before the next is bound.
 */
static int
listen_open_tcp(const struct address *address, const struct listen_options *o, unsigned count,
                int *ret_fds, struct address *ret_bound, struct err *reterr)
{
    struct err err;
    int tries = address_port(address) == 0 ? PORT_TRIES : 1, r;

    do {
        err = (struct err){0};
        r = listen_open_port(address, o, count, ret_fds, ret_bound, &err);
    } while (r == -EADDRINUSE && --tries > 0);
    return r < 0 ? err_set(reterr, r, "%s", err.text) : 0;
}

/* A kernel without IPv6 still has every IPv4 address. */
static struct address
listen_any(const struct address *address)
{
    struct address v4 = {.len = sizeof(v4.in), .any = true};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        fd_close(fd);
        return *address;
    }
    v4.in.sin_family = AF_INET;
    address_set_port(&v4, address_port(address));
    return v4;
}

/* ---- Beside sockets of our own --------------------------------------------------------------- */

int
listen_open_beside(const struct address *a, const struct listen_options *o, unsigned count,
                   int *ret_fds, struct address *ret_bound, struct err *reterr)
{
    struct address address = a->any ? listen_any(a) : *a;

    return listen_bind_port(&address, o, count, ret_fds, ret_bound, reterr);
}

static bool
listen_v6_only(int fd)
{
    socklen_t len = sizeof(int);
    int only = 0;

    return getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len) == 0 && only;
}

/* As an IPv6 address; IPv4's are mapped, and each family has a wildcard of its own. */
static bool
listen_ip(const struct address *a, struct in6_addr *ret)
{
    if (a->sa.sa_family == AF_INET6) {
        *ret = a->in6.sin6_addr;
        return IN6_IS_ADDR_UNSPECIFIED(ret);
    }
    *ret = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&ret->s6_addr[12], &a->in.sin_addr, sizeof(a->in.sin_addr));
    return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool
listen_conflicts(int fd, const struct address *a, bool ipv6_only)
{
    struct address b = {.len = sizeof(b.storage)};
    bool a_any, b_any, a_v4, b_v4;
    struct in6_addr a_ip, b_ip;

    if (getsockname(fd, &b.sa, &b.len) < 0)
        return false;
    if (!address_is_tcp(a) || !address_is_tcp(&b))
        return address_is_same(a, &b);
    if (address_port(a) != address_port(&b) || address_port(a) == 0)
        return false;
    a_any = listen_ip(a, &a_ip);
    b_any = listen_ip(&b, &b_ip);
    a_v4 = IN6_IS_ADDR_V4MAPPED(&a_ip);
    b_v4 = IN6_IS_ADDR_V4MAPPED(&b_ip);
    if (a_v4 != b_v4)
        return a_v4 ? b_any && !listen_v6_only(fd) : a_any && !ipv6_only;
    return a_any || b_any || IN6_ARE_ADDR_EQUAL(&a_ip, &b_ip);
}

bool
listen_is_beside(int fd, const struct address *a, bool ipv6_only)
{
    struct address b = {.len = sizeof(b.storage)};

    return listen_conflicts(fd, a, ipv6_only) && getsockname(fd, &b.sa, &b.len) == 0 &&
           !address_is_same(a, &b);
}

bool
listen_fits(int fd, const struct address *a, const struct listen_options *o)
{
    return a->sa.sa_family != AF_INET6 || listen_v6_only(fd) == o->ipv6_only;
}

/* systemd may hold a copy, and a socket without an acceptor would still draw connections. */
void
listen_end(int fd)
{
    shutdown(fd, SHUT_RDWR);
    fd_close(fd);
}

/* ---- Unix ------------------------------------------------------------------------------------ */

/* 0: the path is free now. */
static int
listen_clear_path(const struct address *a, struct err *reterr)
{
    const char *path = a->un.sun_path;
    _cleanup_fd_ int fd = -1;
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_set_errno(reterr, -errno, "cannot look at %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(reterr, -EEXIST, "%s exists and is not a socket; it is left alone", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(reterr, -errno, "cannot make a socket");
    if (connect(fd, &a->sa, a->len) == 0 || errno != ECONNREFUSED)
        return err_set_errno(reterr, -EADDRINUSE, "cannot bind to unix:%s", path);
    if (unlink(path) < 0)
        return err_set_errno(reterr, -errno, "cannot remove the stale socket %s", path);
    return 0;
}

bool
listen_has_file(const struct address *a)
{
    return a->sa.sa_family == AF_UNIX && a->un.sun_path[0] == '/';
}

/* Open without following a link, because any user who may write in the folder may put one there. */
static int
listen_file_open(const struct address *a, struct stat *ret_st)
{
    int fd = open(a->un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (fstat(fd, ret_st) < 0 || !S_ISSOCK(ret_st->st_mode)) {
        fd_close(fd);
        return -EEXIST;
    }
    return fd;
}

static bool
listen_file_is(const struct listen_file *file, const struct stat *st)
{
    return file->inode == st->st_ino && file->device == st->st_dev;
}

int
listen_file_find(const struct address *a, struct listen_file *ret)
{
    struct stat st;
    int fd;

    if (!listen_has_file(a))
        return -EINVAL;
    fd = listen_file_open(a, &st);
    if (fd < 0)
        return fd;
    fd_close(fd);
    *ret = (struct listen_file){.device = st.st_dev, .inode = st.st_ino};
    return 0;
}

static int
listen_file_set(int fd, const char *path, const struct stat *st, const struct listen_options *o,
                struct err *reterr)
{
    char self[64];

    if ((o->unix_uid != UINT32_MAX || o->unix_gid != UINT32_MAX) &&
        fchownat(fd, "", o->unix_uid, o->unix_gid, AT_EMPTY_PATH) < 0)
        return err_set_errno(reterr, -errno, "cannot change the owner of %s", path);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if ((st->st_mode & 07777) != o->unix_mode && chmod(self, o->unix_mode) < 0)
        return err_set_errno(reterr, -errno, "cannot change the mode of %s", path);
    return 0;
}

int
listen_adjust_file(const struct address *a, const struct listen_file *file,
                   const struct listen_options *o, struct err *reterr)
{
    const char *path = a->un.sun_path;
    _cleanup_fd_ int fd = -1;
    struct stat st;

    if (!listen_has_file(a))
        return 0;
    fd = listen_file_open(a, &st);
    if (fd < 0 || !listen_file_is(file, &st))
        return err_set(reterr, -ESTALE,
                       "%s is not the socket that goevd has bound there; it is left alone, and "
                       "no client reaches the listener by it",
                       path);
    return listen_file_set(fd, path, &st, o, reterr);
}

/* The file has just been bound, and only its owner may use it. */
static int
listen_adjust_bound(const struct address *a, const struct listen_options *o, struct err *reterr)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;

    fd = listen_file_open(a, &st);
    if (fd < 0 || st.st_uid != geteuid() || (st.st_mode & 0777))
        return err_set(reterr, -EEXIST, "%s was replaced while it was bound", a->un.sun_path);
    return listen_file_set(fd, a->un.sun_path, &st, o, reterr);
}

/* The file admits no user until owner and mode are set. It takes its mode from the socket, which
 * unlike umask(2) concerns no other thread, and no process that another thread forks. */
static int
listen_bind_path(int fd, const struct address *a, const struct listen_options *o,
                 struct err *reterr)
{
    const char *path = a->un.sun_path;
    int r = fchmod(fd, 0) < 0 || bind(fd, &a->sa, a->len) < 0 ? -errno : 0;

    if (r < 0)
        return err_set_errno(reterr, r, "cannot bind to unix:%s", path);
    r = listen_adjust_bound(a, o, reterr);
    if (r < 0 && r != -EEXIST)
        unlink(path);
    return r;
}

static int
listen_bind_abstract(int fd, const struct address *a, struct err *reterr)
{
    char text[ADDRESS_TEXT_MAX];

    if (bind(fd, &a->sa, a->len) < 0)
        return err_set_errno(reterr, -errno, "cannot bind to %s",
                             address_format(&a->sa, a->len, text, sizeof(text)));
    return 0;
}

static int
listen_open_unix(const struct address *a, const struct listen_options *o, int *ret_fd,
                 struct err *reterr)
{
    bool path = listen_has_file(a);
    int fd, r = path ? listen_clear_path(a, reterr) : 0;

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(reterr, -errno, "cannot make a socket");
    r = path ? listen_bind_path(fd, a, o, reterr) : listen_bind_abstract(fd, a, reterr);
    if (r == 0)
        r = listen_adjust(fd, a, o, reterr);
    if (r < 0) {
        fd_close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void
listen_unlink(const struct address *a, const struct listen_file *file)
{
    struct listen_file now;

    if (listen_file_find(a, &now) == 0 && now.inode == file->inode && now.device == file->device)
        unlink(a->un.sun_path);
}

int
listen_open(const struct address *a, const struct listen_options *o, unsigned count, int *ret_fds,
            struct address *ret_bound, struct err *reterr)
{
    struct address address = a->any ? listen_any(a) : *a;
    int r;

    if (address_is_tcp(a))
        return listen_open_tcp(&address, o, count, ret_fds, ret_bound, reterr);
    r = listen_open_unix(a, o, ret_fds, reterr);
    if (r == 0)
        *ret_bound = *a;
    return r;
}

/* ---- Steering -------------------------------------------------------------------------------- */

static bool
listen_shares_port(int fd)
{
    socklen_t len = sizeof(int);
    int shares = 0;

    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, &len) == 0 && shares;
}

bool
listen_can_steer(const int *fds, unsigned count)
{
    struct address first = {0}, a;

    for (unsigned i = 0; i < count; i++) {
        a = (struct address){.len = sizeof(a.storage)};
        if (getsockname(fds[i], &a.sa, &a.len) < 0 || !address_is_tcp(&a) ||
            !listen_shares_port(fds[i]))
            return false;
        if (i == 0)
            first = a;
        else if (!address_is_same(&first, &a))
            return false;
    }
    return count > 1 && count <= STEER_SOCKETS_MAX;
}

/* The program compares the receiving CPU with each in turn and returns the socket's number; a CPU
 * that no socket is for goes to one by modulus. */
int
listen_steer(int fd, const unsigned *cpu_of_socket, unsigned count, struct err *reterr)
{
    struct sock_filter code[2 * STEER_SOCKETS_MAX + 3];
    struct sock_fprog program = {.filter = code};
    unsigned n = 0;

    if (count > STEER_SOCKETS_MAX)
        return err_set(reterr, -E2BIG, "cannot steer more than %d sockets", STEER_SOCKETS_MAX);
    code[n++] =
        (struct sock_filter){BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU)};
    for (unsigned i = 0; i < count; i++) {
        code[n++] = (struct sock_filter){BPF_JMP | BPF_JEQ | BPF_K, 0, 1, cpu_of_socket[i]};
        code[n++] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, i};
    }
    code[n++] = (struct sock_filter){BPF_ALU | BPF_MOD | BPF_K, 0, 0, count};
    code[n++] = (struct sock_filter){BPF_RET | BPF_A, 0, 0, 0};
    program.len = (unsigned short)n;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0)
        return err_set_errno(reterr, -errno, "cannot steer connections by CPU");
    return 0;
}

void
listen_unsteer(int fd)
{
    int none = 0;

    setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none));
}

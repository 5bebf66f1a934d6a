/* Listening sockets, opened once and in a fixed number by the process that keeps them. */
#pragma once

#include "net/address.h"

struct listen_options {
    int backlog;
    int receive_buffer_bytes; /* 0: the kernel's */
    int send_buffer_bytes;    /* 0: the kernel's */
    unsigned defer_accept_s;  /* 0: off, TCP_DEFER_ACCEPT */
    unsigned keepalive_s;     /* idle time before the first probe; 0: off, tcp(7) */
    uint32_t unix_mode;       /* of a unix socket's file */
    uint32_t unix_uid;        /* UINT32_MAX: left as it is */
    uint32_t unix_gid;        /* likewise */
    bool nodelay;
    bool ipv6_only;
};

/* Open `count` sockets that listen on one address: more than one only for TCP, where each sets
 * SO_REUSEPORT. A port that anyone else listens on is -EADDRINUSE, even if that socket shares it. A
 * unix socket's file without a listener is replaced; any other file is -EEXIST. *ret_bound is
 * the address with the port that the kernel chose for port 0. */
int listen_open(const struct address *address, const struct listen_options *options, unsigned count,
                int *ret_fds, struct address *ret_bound, struct err *reterr);

/* The same beside sockets of this process on an address that conflicts with this one, as the
 * wildcard does with every other. These are bound only: listen_adjust() lets them listen, so that
 * until then they draw no connection from the others. */
int listen_open_beside(const struct address *address, const struct listen_options *options,
                       unsigned count, int *ret_fds, struct address *ret_bound, struct err *reterr);

/* Would the kernel refuse to bind this address while fd listens, without SO_REUSEPORT? */
bool listen_conflicts(int fd, const struct address *address, bool ipv6_only);

/* The same, but fd has another address. */
bool listen_is_beside(int fd, const struct address *address, bool ipv6_only);

/* Whether fd has that address and those of the options that cannot change. */
bool listen_fits(int fd, const struct address *address, const struct listen_options *options);

/* End it for every process that holds it, and close it. */
void listen_end(int fd);

/* Set the options that may change while it listens: backlog and socket options. */
int listen_adjust(int fd, const struct address *address, const struct listen_options *options,
                  struct err *reterr);

/* Which file a unix socket is bound to; all zero: none. Others may put another in its place. */
struct listen_file {
    uint64_t device;
    uint64_t inode;
};

/* Is it a unix socket with a path? */
bool listen_has_file(const struct address *address);

/* The socket that stands at the address now. -ENOENT: nothing does; -EEXIST: something else;
 * -EINVAL: the address has no file. */
int listen_file_find(const struct address *address, struct listen_file *ret);

/* Set owner and mode of the file of a unix socket, if it is still `file`; -ESTALE: it is not.
 * Nothing for other addresses. */
int listen_adjust_file(const struct address *address, const struct listen_file *file,
                       const struct listen_options *options, struct err *reterr);

/* Remove the file of a unix socket if it is still `file`; nothing for other addresses. */
void listen_unlink(const struct address *address, const struct listen_file *file);

/* Are they several, of one address that they share? Only such can be steered. */
bool listen_can_steer(const int *fds, unsigned count);

/* Send connections to the socket for the CPU that receives them: socket i, in the order of opening,
 * is for CPU cpu_of_socket[i]; a CPU that none is for is spread by modulus. It holds for every
 * socket of the address. SO_ATTACH_REUSEPORT_CBPF, socket(7). */
int listen_steer(int fd, const unsigned *cpu_of_socket, unsigned count, struct err *reterr);

/* Leave it to the kernel again. Nothing if they are not steered. */
void listen_unsteer(int fd);

#include "unit/net/faulty.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "net/conn/conn.h"

#define HOARD_BYTES 1000

struct faults faults;

struct faulty_state {
    uint32_t shaken;
    uint32_t off, len;
    char hoard[HOARD_BYTES];
} __attribute__((aligned(16)));

static struct faulty_state *
faulty_state(struct conn *c)
{
    return conn_transport_state(c);
}

/* 0, or the error with which this call has to fail. */
static int
faulty_call(void)
{
    faults.calls++;
    if (faults.calls == faults.fail_call)
        return faults.fail_error;
    return faults.again_every && faults.calls % faults.again_every == 0 ? -EAGAIN : 0;
}

static size_t
faulty_cut(size_t len, size_t max)
{
    return max ? MIN(len, max) : len;
}

static int
faulty_handshake(struct conn *c)
{
    struct faulty_state *s = faulty_state(c);
    char byte;

    if (s->shaken < faults.handshakes) {
        ssize_t n = transport_plain.read(c, &byte, 1);

        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        s->shaken++;
    }
    return s->shaken < faults.handshakes ? -EAGAIN : faults.handshake_error;
}

static ssize_t
faulty_read_hoard(struct conn *c, void *buf, size_t len)
{
    struct faulty_state *s = faulty_state(c);

    if (s->len == 0) {
        ssize_t n = transport_plain.read(c, s->hoard, sizeof(s->hoard));

        if (n <= 0)
            return n;
        s->off = 0;
        s->len = (uint32_t)n;
    }
    len = MIN(len, s->len);
    memcpy(buf, s->hoard + s->off, len);
    s->off += (uint32_t)len;
    s->len -= (uint32_t)len;
    return (ssize_t)len;
}

static ssize_t
faulty_read(struct conn *c, void *buf, size_t len)
{
    int r = faulty_call();

    faults.reads++;
    if (r < 0)
        return r;
    len = faulty_cut(len, faults.read_max);
    return faults.hoards ? faulty_read_hoard(c, buf, len) : transport_plain.read(c, buf, len);
}

static ssize_t
faulty_write(struct conn *c, const void *data, size_t len)
{
    int r = faulty_call();

    faults.writes++;
    return r < 0 ? r : transport_plain.write(c, data, faulty_cut(len, faults.write_max));
}

static ssize_t
faulty_writev(struct conn *c, const struct iovec *iov, int count, bool more)
{
    int r = faults.write_max ? 0 : faulty_call();

    if (faults.write_max)
        return faulty_write(c, iov->iov_base, iov->iov_len);
    faults.writes++;
    return r < 0 ? r : transport_plain.writev(c, iov, count, more);
}

static ssize_t
faulty_send_file(struct conn *c, int fd, off_t offset, size_t len)
{
    int r;

    if (faults.no_send_file)
        return -EOPNOTSUPP;
    r = faulty_call();
    faults.files++;
    return r < 0 ? r : transport_plain.send_file(c, fd, offset, faulty_cut(len, faults.write_max));
}

static size_t
faulty_pending(struct conn *c)
{
    return faulty_state(c)->len;
}

static uint32_t
faulty_wants(struct conn *c)
{
    return faulty_state(c)->shaken < faults.handshakes ? faults.wants : 0;
}

static int
faulty_shutdown(struct conn *c)
{
    int r = faulty_call();

    faults.shutdowns++;
    return r < 0 && r != -EAGAIN ? r : transport_plain.shutdown(c);
}

static void
faulty_fini(struct conn *c)
{
    faults.finis++;
}

const struct transport transport_faulty = {
    .name = "faulty",
    .state_bytes = sizeof(struct faulty_state),
    .handshake = faulty_handshake,
    .read = faulty_read,
    .write = faulty_write,
    .writev = faulty_writev,
    .send_file = faulty_send_file,
    .pending = faulty_pending,
    .wants = faulty_wants,
    .shutdown = faulty_shutdown,
    .fini = faulty_fini,
};

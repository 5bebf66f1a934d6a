#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log_line.h"
#include "base/sink.h"

#if HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELD_MAX 192

/* Leads where sd_journal_sendv(3) sends to, whose own fd nobody can ask for room. */
static int journal_fd = -1;

/* One after the other in `room`. */
struct journal_fields {
    struct iovec iov[8];
    int count;
    struct text room;
};

static void
journal_begin(struct journal_fields *f, const char *name)
{
    f->iov[f->count].iov_base = f->room.data + f->room.len;
    text_add(&f->room, name);
}

static void
journal_end(struct journal_fields *f)
{
    struct iovec *iov = &f->iov[f->count++];

    iov->iov_len = (size_t)(f->room.data + f->room.len - (char *)iov->iov_base);
}

static void
journal_add(struct journal_fields *f, const char *name, const char *value)
{
    size_t size = f->room.size;

    if (!value)
        return;
    journal_begin(f, name);
    f->room.size = MIN(size, f->room.len + FIELD_MAX);
    text_add_plain(&f->room, value, strlen(value));
    f->room.size = size;
    journal_end(f);
}

static void
journal_add_about(struct journal_fields *f, const struct log_about *about)
{
    journal_add(f, "GOEVD_PLUGIN=", about->plugin);
    journal_add(f, "GOEVD_LISTENER=", about->listener);
    journal_add(f, "GOEVD_CLIENT=", about->client);
    if (about->connection) {
        journal_begin(f, "GOEVD_CONNECTION=");
        text_add_hex(&f->room, about->connection);
        journal_end(f);
    }
}

int
log_journal_send(const char *who, const struct log_event *e)
{
    char memory[LOG_LINE_MAX];
    struct journal_fields f = {.room = {.data = memory, .size = sizeof(memory)}};

    if (!sink_has_room(journal_fd))
        return -EAGAIN;
    journal_begin(&f, "PRIORITY=");
    text_add_number(&f.room, (uint64_t)e->level, 1);
    journal_end(&f);
    journal_add(&f, "SYSLOG_IDENTIFIER=", who);
    if (e->about)
        journal_add_about(&f, e->about);
    journal_begin(&f, "MESSAGE=");
    log_line_add_text(&f.room, e);
    journal_end(&f);
    return sd_journal_sendv(f.iov, f.count);
}

/* sd_journal_sendv(3) itself succeeds where there is no journal. */
int
log_open_journal(struct err *reterr)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        r = err_set(reterr, -errno,
                    "cannot write to the journal at " JOURNAL_SOCKET
                    ": %s; let systemd-journald run, "
                    "or choose another log.target",
                    err_words(errno));
        fd_close(fd);
        return r;
    }
    fd_close(journal_fd);
    journal_fd = fd;
    return 0;
}

#else

int
log_journal_send(const char *who, const struct log_event *e)
{
    return -ENOTSUP;
}

int
log_open_journal(struct err *reterr)
{
    return err_set(reterr, -ENOTSUP,
                   "this goevd was built without libsystemd and does not know the journal; choose "
                   "another log.target");
}

#endif

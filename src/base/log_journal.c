/* The journal's own protocol, https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: a datagram of lines
 * NAME=value to a socket of a fixed path. No value of goevd's has a newline. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log_line.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELD_MAX 192

static const struct sockaddr_un journal_address = {.sun_family = AF_UNIX,
                                                   .sun_path = JOURNAL_SOCKET};
static int journal_fd = -1;

static void
journal_add(struct text *t, const char *name, const char *value)
{
    size_t size = t->size;

    if (!value)
        return;
    text_add(t, name);
    t->size = MIN(size, t->len + FIELD_MAX);
    text_add_plain(t, value, strlen(value));
    t->size = size;
    text_add(t, "\n");
}

static void
journal_add_about(struct text *t, const struct log_about *about)
{
    journal_add(t, "GOEVD_PLUGIN=", about->plugin);
    journal_add(t, "GOEVD_LISTENER=", about->listener);
    journal_add(t, "GOEVD_CLIENT=", about->client);
    if (!about->connection)
        return;
    text_add(t, "GOEVD_CONNECTION=");
    text_add_hex(t, about->connection);
    text_add(t, "\n");
}

/* Not connected: a journald that was restarted is found again. */
int
log_journal_send(const char *who, const struct log_event *e)
{
    char memory[LOG_LINE_MAX];
    struct text t = {.data = memory, .size = sizeof(memory) - 1};

    text_add(&t, "PRIORITY=");
    text_add_number(&t, (uint64_t)e->level, 1);
    text_add(&t, "\n");
    journal_add(&t, "SYSLOG_IDENTIFIER=", who);
    if (e->about)
        journal_add_about(&t, e->about);
    text_add(&t, "MESSAGE=");
    log_line_add_text(&t, e);
    t.data[t.len++] = '\n'; /* there is always room for it */
    return sendto(journal_fd, t.data, t.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&journal_address, sizeof(journal_address)) < 0
               ? -errno
               : 0;
}

int
log_open_journal(struct err *reterr)
{
    _cleanup_fd_ int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (probe < 0 || connect(probe, (const struct sockaddr *)&journal_address,
                             sizeof(journal_address)) < 0)
        return err_set(reterr, -errno,
                       "cannot write to the journal at " JOURNAL_SOCKET
                       ": %s; let systemd-journald run, or choose another log.target",
                       err_words(errno));
    if (journal_fd < 0)
        journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return journal_fd < 0 ? err_set_errno(reterr, -errno, "cannot make a socket for the journal")
                          : 0;
}

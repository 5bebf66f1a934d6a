/* The files that plugins add lines to: the supervisor opens them, for a worker that may not be root
 * any more. A worker requests them while it starts, before it accepts clients. Later it can get
 * only the same files again. */
#include <errno.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

static int
supervisor_open_file(const struct proto_file *file, struct err *reterr)
{
    return logfile_open(file->option, file->path, reterr);
}

/* It is asked to send it again: the path and its option, in this order. */
int
supervisor_on_file(struct child *c, struct proto_file *file)
{
    struct err err = {0};
    struct proto_file *kept;
    int fd, r;

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (c->file_count == PROTO_FILES_MAX)
        return -EPROTO;
    file->option[PROTO_NAME_MAX - 1] = file->path[PROTO_FILE_MAX - 1] = '\0';
    kept = malloc(sizeof(*kept));
    if (!kept)
        return -ENOMEM;
    *kept = *file;
    c->files[c->file_count++] = kept;
    fd = supervisor_open_file(file, &err);
    if (fd < 0)
        return supervisor_refuse(c, &err);
    r = child_send(c, PROTO_WELCOME, NULL, 0, &fd, 1);
    fd_close(fd);
    return r;
}

/* Returns as proto_try_send(); a file that cannot be opened is logged and skipped. */
static int
supervisor_send_file(struct supervisor *s, struct child *c, unsigned nth)
{
    struct proto_file_new new = {.nth = nth};
    struct err err = {0};
    int fd = supervisor_open_file(c->files[nth], &err), r;

    if (fd < 0) {
        supervisor_reopen_failed(s, &err);
        return 0;
    }
    r = proto_try_send(c->fd, PROTO_FILE_NEW, &new, sizeof(new), &fd, 1);
    fd_close(fd);
    c->log_sent += r == 0;
    return r;
}

void
supervisor_send_files(struct supervisor *s, struct child *c)
{
    int r = c->fd < 0 ? -EPIPE : 0;

    for (unsigned i = 0; r == 0 && i < c->file_count; i++)
        r = supervisor_send_file(s, c, i);
    c->files_due = r == -EAGAIN; /* then all of them again, when it reads */
}

/* Whether there are any. */
bool
supervisor_reopen_files(struct supervisor *s)
{
    bool any = false;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];

        any |= c->file_count > 0;
        if (c->file_count > 0 && c->state == CHILD_STARTING)
            c->files_due = true;
        else if (c->file_count > 0)
            supervisor_send_files(s, c);
    }
    return any;
}

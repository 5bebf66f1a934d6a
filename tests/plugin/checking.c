/* checking - logs the results in create of functions that need pollers. */
#include <string.h>

#include <goevd/plugin.h>
#include <goevd/threads.h>

static void
checking_call(struct goevd_poller *poller, void *local, void *arg)
{
    (void)poller, (void)local, (void)arg;
}

static void
checking_conn_call(struct goevd_conn *c, void *state, void *arg)
{
    (void)c, (void)state, (void)arg;
}

static int
checking_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)options, (void)ret_instance;
    goevd_log(self, GOEVD_LOG_WARNING, "checking %d: call %d, call_all %d, conn_call %d, send %d",
              goevd_checking(self), goevd_call(self, 0, checking_call, NULL),
              goevd_call_all(self, checking_call, NULL, NULL),
              goevd_conn_call(self, 1, checking_conn_call, NULL), goevd_send(self, 1, "x", 1, 0));
    return 0;
}

static ptrdiff_t
checking_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    (void)c, (void)state, (void)data, (void)fresh, (void)flags;
    return (ptrdiff_t)len;
}

static const struct goevd_stream checking_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = checking_read,
};

static const void *
checking_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &checking_stream : NULL;
}

GOEVD_PLUGIN(.name = "checking", .description = "asks for pollers in create",
             .create = checking_create, .interface = checking_interface);

#include "worker/tickets.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

int
tickets_init(struct tickets *t, struct parent *parent, struct setup *setup, struct err *reterr)
{
    _cleanup_fd_ int fd = -1;
    int r;

    if (!setup_has_tls(setup))
        return 0;
    r = parent_get_tickets(parent, &fd, reterr);
    if (r == 0 && fd >= 0)
        r = ticket_page_map(fd, &t->page, reterr);
    else if (r == 0)
        r = ticket_keys_new(&t->own, clock_now_ns(), reterr);
    if (r == 0)
        setup_set_tickets(setup, t->page ? t->page : t->own.page);
    return r;
}

void
tickets_time(struct tickets *t, uint64_t now_ns)
{
    int r = ticket_keys_rotate(&t->own, now_ns);

    if (r < 0)
        log_warning("the key of TLS tickets stays for another hour: %s", err_words(r));
}

void
tickets_fini(struct tickets *t)
{
    if (t->page)
        ticket_page_unmap(t->page);
    ticket_keys_fini(&t->own);
}

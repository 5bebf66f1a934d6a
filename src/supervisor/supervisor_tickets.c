/* The keys of TLS tickets. They are made when the first worker asks, and live as long as the
 * supervisor. */
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

int
supervisor_on_tickets(struct supervisor *s, struct child *c)
{
    struct err err = {0};

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (!s->tickets.page && ticket_keys_new(&s->tickets, clock_now_ns(), &err) < 0) {
        log_warning("%s; each worker uses its own, so a reload ends TLS sessions", err.text);
        return child_send(c, PROTO_TICKETS, NULL, 0, NULL, 0);
    }
    return child_send(c, PROTO_TICKETS, NULL, 0, &s->tickets.fd, 1);
}

void
supervisor_rotate_tickets(struct supervisor *s)
{
    int r = ticket_keys_rotate(&s->tickets, clock_now_ns());

    if (r < 0)
        log_warning("the key of TLS tickets stays for another hour: %s", err_words(r));
}

#include "worker/tls_log.h"

#include "base/log.h"
#include "net/conn/conn.h"

/* Clients cause these lines, so they are of level info, and repeats of one are counted. */
void
tls_log_failed(const struct conn *c, const char *why)
{
    const char *listener = c->service->listener;
    char from[ADDRESS_TEXT_MAX];
    struct sockaddr_storage peer;
    socklen_t len = conn_peer_address(c, &peer);
    struct log_about about = {.listener = listener, .client = from, .named = true};

    address_format((struct sockaddr *)&peer, len, from, sizeof(from));
    log_about(&about, LOG_INFO, "listener %s: the TLS handshake with %s failed: %s", listener, from,
              why);
}

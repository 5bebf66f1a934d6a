/* From the configuration to the parts that serve: everything that can be refused before a socket
 * is opened. */
#pragma once

#include "ctl/metrics.h"
#include "net/accept/listen.h"
#include "plug/plugins.h"
#include "worker/generation.h"
#include "worker/options.h"
#include "worker/privileges.h"
#include "worker/proxy_log.h"

/* A listener: values that are computed from its configuration. */
struct setup_listener {
    struct address address;
    const char *systemd; /* name of the socket that systemd passes instead; or NULL */
    struct listen_options options;
    struct proxy_log proxies;
    struct tls_server *tls; /* NULL: connections are plain */
};

struct ticket_page;

struct setup {
    struct plugins plugins;
    struct metrics metrics; /* goevd's own */
    struct config *config;
    struct conf_errors errors;
    struct setup_listener *listeners;
    struct privileges privileges;
    size_t listener_count; /* those of the configuration, also where that was refused */
};

/* Load the configuration, the plugins it names, and check all that can be without creating
 * anything. `from` (NULL: the disk) lasts as long as the setup. 0; negative with every reason
 * in s->errors. setup_fini() in either case. */
int setup_load(struct setup *s, const struct worker_options *options, struct generation *from);

/* Create the plugins' instances. 0; negative with the reasons in s->errors. */
int setup_create(struct setup *s, int metrics_fd, unsigned pollers);

bool setup_has_tls(const struct setup *s);

/* Let all listeners with TLS seal their tickets with these keys, which live longer. */
void setup_set_tickets(struct setup *s, const struct ticket_page *page);

void setup_fini(struct setup *s);

/* Round up to whole seconds, at least one if ns is not 0. */
unsigned setup_seconds(int64_t ns);

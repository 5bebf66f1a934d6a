/* What the files of the setup share.
 *
 *   setup.c      the configuration, listeners, privileges
 *   setup_tls.c  certificates and policies of TLS
 */
#pragma once

#include "worker/setup.h"

/* Note an error at a key of the listener i. Returns -EINVAL. */
int setup_listener_error(struct setup *s, const struct config *config, size_t i, const char *key,
                         const char *format, ...) PRINTF(5, 6);

/* Read the certificates of the listener i, and check them with its policy. */
void setup_tls(struct setup *s, const struct config *config, size_t i);

/* Log lines about TLS handshakes that failed, at a bounded rate. */
#pragma once

struct conn;

/* Implements on_failed of struct tls_policy. */
void tls_log_failed(const struct conn *c, const char *why);

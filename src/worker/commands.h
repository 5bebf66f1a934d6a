/* The commands that a worker runs for a client of the control socket. */
#pragma once

#include "ctl/control.h"
#include "worker/settings.h"

/* Answer a request; `status` alone is answered elsewhere. */
void commands_answer(struct settings *s, struct control_client *client, const char *request);

/* What a worker does for a client of the control socket. */
#pragma once

#include "daemon/control.h"
#include "daemon/engine.h"

/* Answer a request; `status` alone is answered elsewhere. */
void commands_answer(struct engine *e, struct control_client *client, const char *request);

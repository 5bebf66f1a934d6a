/* Replies that are more than a copied prerendered reply: those with a request id in the head, and
 * refusals that are counted and logged. */
#pragma once

#include "http/h1/output/batch.h"

/* http_h1_batch_reply() with the id of the answered request, if the request has one. */
cold int http_h1_answer(struct http_h1_batch *b, unsigned reply, enum http_persist persist,
                        bool head_only, size_t request_len);

/* Answer with the error reply for the verdict, count it, and close. The client may go on sending
 * for a moment. Returns as http_h1_batch_reply() does. */
cold int http_h1_refuse(struct http_h1_batch *b, int verdict, bool head_only);

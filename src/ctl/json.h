/* The one thing of JSON that printf(3) cannot do. */
#pragma once

#include <stdio.h>

/* A text in quotes, escaped as text_add_json() does; NULL: null. */
void json_text(FILE *out, const char *text);

/* The one thing of JSON that printf(3) cannot do. */
#pragma once

#include <stdio.h>

/* A text in quotes, escaped; NULL: null. Bytes above 0x7f are passed on: the text is UTF-8, as all
 * of the configuration is. */
void json_text(FILE *out, const char *text);

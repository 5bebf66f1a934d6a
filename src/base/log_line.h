/* How a line of the log reads. Nothing that signal-safety(7) forbids. */
#pragma once

#include "base/log.h"

/* How the lines of a process begin. */
struct log_style {
    const char *who;
    enum log_format format;
    bool priority; /* <N>, for the journal, which knows the time */
};

/* The whole line with its newline; the text is cut if there is no room. */
void log_line_add(struct text *t, const struct log_style *style, const struct log_event *e);

/* The text alone, behind its subject. */
void log_line_add_text(struct text *t, const struct log_event *e);

/* Give it to the journal. 0; a negative errno. */
int log_journal_send(const char *who, const struct log_event *e);

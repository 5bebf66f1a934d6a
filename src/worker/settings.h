/* Values that are set while goevd runs. The configuration is built again from the file and all of
 * them, by the same rules; what differs goes to the pollers by message, and every poller has it
 * when a function here returns. */
#pragma once

#include "conf/setting.h"
#include "worker/engine.h"

struct settings {
    struct setup *setup;
    struct engine *engine;
    struct parent *parent;
    const struct worker_options *options;
    struct config *present; /* what holds now; the setup's own until something is set */
    struct values values;   /* what has been set */
    struct values dropped;  /* what the supervisor remembers, and the configuration takes no more */
    void (*on_hang)(void *arg); /* hang.* has changed; NULL: nobody asks */
    void *arg;
};

/* What has become of a value; texts are cut. */
struct settings_change {
    struct conf_path name;
    char before[SETTING_VALUE_MAX + 1];
    char after[SETTING_VALUE_MAX + 1];
};

/* When the setup has been loaded. */
void settings_init(struct settings *s, struct setup *setup, struct engine *engine,
                   struct parent *parent, const struct worker_options *options);

/* When no poller runs and the plugins have been destroyed. */
void settings_fini(struct settings *s);

/* Set what the supervisor remembers, when the pollers run. What is not taken any more is left out,
 * with a line in the log. */
int settings_recall(struct settings *s, struct err *reterr);

/* When this worker serves for good: let the supervisor forget what was left out. */
void settings_drop(struct settings *s);

/* What another worker has set; text NULL: set back. */
void settings_follow(struct settings *s, const char *name, const char *text);

/* Set a value, text NULL: let that of the configuration hold again, and let the supervisor
 * remember. 0; negative with a sentence, and nothing has changed. */
int settings_set(struct settings *s, const char *name, const char *text,
                 struct settings_change *ret, struct err *reterr);

/* What can be set, its value and where that comes from, as lines or JSON. 0 with *ret_text, to be
 * freed, and its length; -ENOMEM. */
int settings_text(const struct settings *s, bool json, char **ret_text, size_t *ret_len);

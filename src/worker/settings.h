/* Values that are set while goevd runs. The configuration is built again from the file and all of
 * them, by the same rules; changed values go to the pollers by message, and every poller has them
 * when a function here returns. */
#pragma once

#include "conf/setting.h"
#include "worker/engine.h"

struct settings {
    struct setup *setup;
    struct engine *engine;
    struct parent *parent;
    const struct worker_options *options;
    struct config *present; /* the present configuration; the setup's own until a value is set */
    struct values values;   /* the values that have been set */
    struct values dropped;  /* remembered by the supervisor, refused by the configuration */
    void (*on_hang)(void *arg); /* called when hang.* has changed; or NULL */
    void *arg;
};

/* The result of a change; texts are cut. */
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

/* Set the values that the supervisor remembers, when the pollers run. A value that is refused is
 * dropped and logged. */
int settings_recall(struct settings *s, struct err *reterr);

/* When this worker serves for good: let the supervisor forget the dropped values. */
void settings_drop(struct settings *s);

/* Set a value that another worker has set; text NULL: unset it. */
void settings_follow(struct settings *s, const char *name, const char *text);

/* Set a value, text NULL: let that of the configuration hold again, and let the supervisor
 * remember. 0; negative with a sentence, and nothing has changed. */
int settings_set(struct settings *s, const char *name, const char *text,
                 struct settings_change *ret, struct err *reterr);

/* List the settings, with value and origin, as lines or JSON. 0 with *ret_text, to be freed, and
 * its length; -ENOMEM. */
int settings_text(const struct settings *s, bool json, char **ret_text, size_t *ret_len);

/* Commands for authors of plugins: goevd plugin new, check and test. */
#pragma once

#include "base/err.h"
#include "cli/cli.h"

/* A file of a new plugin. "@NAME@" in its text and "NAME" in its name stand for the plugin's name,
 * "@GOEVD@" for the command that runs this goevd. */
struct scaffold_file {
    const char *kind; /* "common": of every kind */
    const char *name;
    unsigned mode;
    const char *text;
};

/* From templates/, until one without a kind. */
extern const struct scaffold_file scaffold_files[];

/* Run the command of the line. Returns the exit status. */
int scaffold_run(const struct cli *cli);

/* Write a folder with all that a plugin of this kind needs, in the working directory. */
int scaffold_new(const char *name, const char *kind, struct err *reterr);

/* Print where the headers for plugins are. */
int scaffold_headers(struct err *reterr);

/* Print the default directory of plugins. */
int scaffold_folder(struct err *reterr);

/* The command that runs this goevd again, in any folder. */
const char *scaffold_program(char *buf, size_t size);

/* Load a plugin, and print its description to stdout. Its fault is in reterr; other defects go
 * to stderr. */
int scaffold_check(const char *path, struct err *reterr);

/* Serve test.yaml of `dir` with the plugins of `plugin_dir`, drive it, run the program
 * `test` beside it, and stop it, printing each step to stdout. 0; -EIO where one has failed. */
int scaffold_test(const char *dir, const char *plugin_dir, struct err *reterr);

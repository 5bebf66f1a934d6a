/* The last words of a worker. */
#pragma once

/* A fatal signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) of any thread is logged with the plugin
 * and the callback that the thread was in, and a backtrace. Then the signal takes its default
 * action, so that the exit status and the core dump stay true. Does nothing in a build with a
 * sanitizer, which has its own reports. To be called by the main thread, before there are others.
 */
void crash_install(void);

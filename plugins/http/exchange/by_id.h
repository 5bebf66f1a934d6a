/* Calls to a request from other threads, by its id. */
#pragma once

#include <goevd/http.h>
#include <goevd/work.h>

int http_by_id_call(struct goevd_self *self, struct goevd_http_id id, goevd_http_call_fn fn,
                    void *arg);
int http_by_id_send(struct goevd_self *self, struct goevd_http_id id, int status, const char *type,
                    const void *body, size_t len, goevd_release_fn done, void *arg);
int http_by_id_submit(struct goevd_self *self, struct goevd_http_request *r, unsigned flags,
                      goevd_job_fn job, goevd_http_done_fn done, void *arg);

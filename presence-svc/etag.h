/* etag.h - answers that a reader need not take twice. */
#pragma once

#include "common/io/http.h"

/* 200 with the body (taken) and an ETag that stands for its bytes; 304 when If-None-Match names it. */
void reply_json_etag(struct req *req, struct buf *body);

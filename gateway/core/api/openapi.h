/* SPDX-License-Identifier: MIT */
#pragma once

/* The OpenAPI 3.1 file as text, and the table for the test of roles; the caller frees them. */
char *openapi_text(void);
char *openapi_routes(void);

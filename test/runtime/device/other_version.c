/* Part of Graft, under the Apache License v2.0.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A device plug-in of an API version that there never was. */

static const struct {
  unsigned api_version;
} kPlugin = {9999};

const void* graftGetDevicePlugin(void) { return &kPlugin; }

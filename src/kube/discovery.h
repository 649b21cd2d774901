/*
 * discovery.h - which resources a server has, remembered.
 */
#ifndef REEVE_KUBE_DISCOVERY_H
#define REEVE_KUBE_DISCOVERY_H

#include "base/error.h"

struct kube_discovery;

int kube_discovery_new(struct kube_discovery **ret, struct error *err);
void kube_discovery_free(struct kube_discovery *discovery);

#endif

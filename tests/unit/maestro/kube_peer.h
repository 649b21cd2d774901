/*
 * kube_peer.h - as much of a Kubernetes API as an agent needs, in memory, with faults on demand.
 */
#ifndef REEVE_TESTS_MAESTRO_KUBE_PEER_H
#define REEVE_TESTS_MAESTRO_KUBE_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct kube_peer;

struct kube_peer *kube_peer_start(void);
void kube_peer_stop(struct kube_peer *peer);
/* A kubeconfig file for it; lives as long as the peer. */
const char *kube_peer_config(struct kube_peer *peer);

/* Paths as "/api/v1/namespaces/ns/configmaps/a". JSON text, to be freed; NULL when absent. */
char *kube_peer_get(struct kube_peer *peer, const char *path);
/* A foreign writer: a merge patch on the object (status included), or its creation. */
void kube_peer_patch(struct kube_peer *peer, const char *path, const char *patch);
void kube_peer_delete(struct kube_peer *peer, const char *path);

/* Whether the kind "widgets.example.com" exists. */
void kube_peer_define_widgets(struct kube_peer *peer, bool is_defined);
/* All requests fail with this status; 0: none does. */
void kube_peer_fail(struct kube_peer *peer, int status);
/* Requests so far with the method; NULL: all but watches. */
unsigned kube_peer_requests(struct kube_peer *peer, const char *method);

#endif

{{/*
What the operator may do where KVClusters live: one rule for each kind, with the verbs that it uses
and no other (operator/src/kube makes these calls; tests/kubernetes/rights.test.ts compares). A
server-side apply needs patch, and create when there is nothing yet.
*/}}
{{- define "kvcluster-operator.rules" -}}
# The desired state. It is never written; status goes through its own subresource.
- apiGroups: [kvcluster.io]
  resources: [kvclusters]
  verbs: [get, list, watch]
- apiGroups: [kvcluster.io]
  resources: [kvclusters/status]
  verbs: [patch]
# Children are owned with blockOwnerDeletion, which OwnerReferencesPermissionEnforcement checks.
- apiGroups: [kvcluster.io]
  resources: [kvclusters/finalizers]
  verbs: [update]
# Deleted, and its pods left alone, when a field has to change that cannot be changed.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# Deleted: those that do not run, and to free one from a node that is gone.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, delete]
# One at a time, to roll them: counted against their budget, as drains are.
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
# Grown, owned, and deleted when their node is no member any more.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete]
# By name only: no list and no watch, so that no secret of others is ever seen in passing.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
# Deleted only when the headless one was made with an address, which cannot be taken from it.
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch, delete]
# Deleted: the dashboard, when it is switched off.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [prometheusrules]
  verbs: [list, watch, create, patch, delete]
# Patched: the count of what is told again.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Nothing narrower than cluster-wide works: the definition itself is asked for its version. */}}
{{- define "kvcluster-operator.definitionRule" -}}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [kvclusters.kvcluster.io]
  verbs: [get]
{{- end }}

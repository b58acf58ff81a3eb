{{/*
What the operator may do where KVClusters live: one rule for each kind, with the verbs that it uses
and no other. operator/src/kube makes these calls; tests/kubernetes takes each verb away and sees
the operator fail. A server-side apply needs patch, and create when there is nothing yet.
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
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
# One at a time, to roll them or to free one from a node that is gone.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
# Grown, owned, and deleted when their node is no member any more.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete]
# By name only: no list and no watch, so that no secret of others is ever seen in passing.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [prometheusrules]
  verbs: [get, list, watch, create, patch, delete]
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

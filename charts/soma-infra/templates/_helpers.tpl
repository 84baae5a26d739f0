{{/* What the parts have in common. Each is called by its chart's name, so its address is <part>.<namespace>.svc. */}}

{{- define "soma.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "soma.metadata" -}}
name: {{ .Chart.Name }}
labels:
  {{- include "soma.labels" . | nindent 2 }}
{{- end }}

{{- define "soma.labels" -}}
{{ include "soma.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: soma
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "soma.secretName" -}}
{{ .Values.secretName | default .Chart.Name }}
{{- end }}

{{/* What the pod reads when it starts; a change of it rolls the pod. Takes the root and the names of templates. */}}
{{- define "soma.configHash" -}}
{{- $root := . -}}
{{ list .Values.secretValues .Values.config (include (printf "%s.config" .Chart.Name) .) | toJson | sha256sum | trunc 32 }}
{{- end }}

{{- define "soma.podMetadata" -}}
labels:
  {{- include "soma.selector" . | nindent 2 }}
  soma.io/configHash: {{ include "soma.configHash" . | quote }}
{{- end }}

{{/* The image of each container of a part. */}}
{{- define "soma.image" -}}
image: {{ with .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
imagePullPolicy: {{ .Values.global.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError # a container that failed says why
{{- end }}

{{/* The restricted Pod Security Standard, for one user, and a root file system that cannot be written to. */}}
{{- define "soma.podSecurity" -}}
serviceAccountName: {{ .Chart.Name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.global.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.uid }}
  runAsGroup: {{ .Values.uid }}
  fsGroup: {{ .Values.uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "soma.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end }}

{{- define "soma.claims" -}}
{{- if .Values.persistence.enabled }}
volumeClaimTemplates:
  - metadata:
      name: data
      labels:
        {{- include "soma.selector" . | nindent 8 }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .Values.persistence.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .Values.persistence.size }}
{{- end }}
{{- end }}

{{/*
What every part has besides its workload and its configuration: account, service, and the flows that are allowed.
Takes the root and, as lists of name and number, the ports of its clients and those of monitoring.
*/}}
{{- define "soma.part" -}}
{{- $root := .root -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "soma.metadata" $root | nindent 2 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  {{- include "soma.metadata" $root | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "soma.selector" $root | nindent 4 }}
  ports:
    {{- range $name, $number := .ports }}
    - {name: {{ $name }}, port: {{ $number }}, targetPort: {{ $name }}}
    {{- end }}
---
# Nothing comes in or goes out but what is named here. Probes come from the node, which no policy cuts.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "soma.metadata" $root | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "soma.selector" $root | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        {{- range $root.Values.global.clients }}
        - namespaceSelector: {matchLabels: {{ toJson . }}}
        {{- end }}
        {{- range .beside }}
        - podSelector: {matchLabels: {app.kubernetes.io/name: {{ . }}}}
        {{- end }}
      ports:
        {{- range $name, $number := .ports }}
        - {port: {{ $number }}, protocol: TCP}
        {{- end }}
    {{- with .metrics }}
    - from:
        {{- range $root.Values.global.monitoring }}
        - namespaceSelector: {matchLabels: {{ toJson . }}}
        {{- end }}
      ports:
        - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .egress }}
  egress:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- if and $root.Values.secretValues }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "soma.secretName" $root }}
  labels:
    {{- include "soma.labels" $root | nindent 4 }}
type: Opaque
stringData:
  {{- range $name, $value := $root.Values.secretValues }}
  {{ $name }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end }}

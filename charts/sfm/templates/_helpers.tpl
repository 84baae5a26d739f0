{{- define "sfm.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end -}}
{{- end }}

{{- define "sfm.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sfm.secretName" -}}
{{ .Values.secrets.name | default (include "sfm.name" .) }}
{{- end }}

{{/* An image by digest, else by tag. Takes the root, the image and the tag of last resort. */}}
{{- define "sfm.image" -}}
{{- $tag := .image.tag | default .tag -}}
{{- with .root.Values.global.imageRegistry }}{{ . }}/{{ end }}{{ .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $tag }}{{ end -}}
{{- end }}

{{- define "sfm.memoryImage" -}}
{{ include "sfm.image" (dict "root" . "image" .Values.image "tag" (.Values.global.imageTag | default .Chart.AppVersion)) }}
{{- end }}

{{/* The restricted Pod Security Standard, and a root file system that cannot be written to. */}}
{{- define "sfm.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "sfm.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The ConfigMap: what follows from other values, and the settings of `config` as the environment says them. */}}
{{- define "sfm.config" -}}
SOMA_HOST: 0.0.0.0
SOMA_PORT: "50053"
SOMA_SIDE_PORT: "9053"
SOMA_DATA_DIR: /var/lib/sfm
{{ if .Values.opa.enabled }}SOMA_OPA_URL: http://127.0.0.1:8181{{ else }}SOMA_POLICY_DIR: /etc/sfm/policy{{ end }}
{{- if .Values.tls.enabled }}
SOMA_TLS_CERT: /run/tls/tls.crt
SOMA_TLS_KEY: /run/tls/tls.key
{{- if .Values.tls.clientCa }}
SOMA_TLS_CLIENT_CA: /run/tls/ca.crt
{{- end }}
{{- end }}
{{- range $name, $value := .Values.config }}
SOMA_{{ upper $name }}: {{ include "sfm.setting" $value | quote }}
{{- end }}
{{- end }}

{{/* Lists by commas. JSON for the rest, since Go would write 4194304 as 4.194304e+06. */}}
{{- define "sfm.setting" -}}
{{- if kindIs "slice" . }}{{ range $index, $each := . }}{{ if $index }},{{ end }}{{ include "sfm.setting" $each }}{{ end }}
{{- else if kindIs "string" . }}{{ . }}
{{- else }}{{ toJson . }}{{ end -}}
{{- end }}

{{/* Some of the pods of some namespaces; or addresses. */}}
{{- define "sfm.peer" -}}
{{- if .cidr -}}
ipBlock: {cidr: {{ .cidr | quote }}}
{{- else -}}
namespaceSelector: {matchLabels: {{ toJson (.namespaceLabels | default dict) }}}
{{- with .podLabels }}
podSelector: {matchLabels: {{ toJson . }}}
{{- end }}
{{- end }}
{{- end }}

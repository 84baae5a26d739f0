{{- define "auth.scheme" -}}
{{ ternary "https" "http" .Values.tls.enabled }}
{{- end }}

{{- define "auth.port" -}}
{{ ternary 8443 8080 .Values.tls.enabled }}
{{- end }}

{{- define "auth.hostname" -}}
{{ .Values.hostname | default (printf "%s://%s.%s.svc.cluster.local:%s" (include "auth.scheme" .) .Chart.Name .Release.Namespace (include "auth.port" .)) }}
{{- end }}

{{- define "auth.config" -}}
start.sh: |
  {{- .Files.Get "files/start.sh" | nindent 2 }}
soma-realm.json: |
  {{- .Files.Get "files/soma-realm.json" | nindent 2 }}
keycloak.conf: |
  db=postgres
  cache=local
  hostname={{ include "auth.hostname" . }}
  health-enabled=true
  metrics-enabled=true
  bootstrap-admin-username=admin
  {{- if .Values.tls.enabled }}
  https-certificate-file=/run/tls/tls.crt
  https-certificate-key-file=/run/tls/tls.key
  {{- else }}
  http-enabled=true
  {{- end }}
  {{- range $name, $value := .Values.config }}
  {{ $name }}={{ $value }}
  {{- end }}
{{- end }}

{{- define "opa.config" -}}
authz.rego: |
  {{- .Files.Get "files/authz.rego" | nindent 2 }}
{{- range $name, $text := .Values.policies }}
{{ $name }}: |
  {{- $text | nindent 2 }}
{{- end }}
{{- end }}

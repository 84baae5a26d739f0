{{- define "web.restarted" -}}
restarted-at: {{ now | date "2006-01-02" | quote }}
{{- end }}

{{- define "redis.config" -}}
redis.conf: |
  bind * -::*
  port 6379
  dir /data
  save ""
  appendonly no
  aclfile /run/secrets/redis/users.acl
  {{- range $name, $value := .Values.config }}
  {{ $name }} {{ $value }}
  {{- end }}
{{- end }}

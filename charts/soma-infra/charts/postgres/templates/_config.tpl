{{- define "postgres.config" -}}
prepare.sh: |
  {{- .Files.Get "files/prepare.sh" | nindent 2 }}
{{- end }}

{{- define "postgres.container" -}}
{{ include "soma.image" . }}
env:
  - {name: PGDATA, value: /var/lib/postgresql/data/cluster}
  - {name: SOCKETS, value: /tmp}
  - {name: SECRETS, value: /run/secrets/postgres}
  - {name: DATABASES, value: {{ join " " .Values.databases }}}
{{ include "soma.containerSecurity" . }}
volumeMounts:
  - {name: data, mountPath: /var/lib/postgresql/data}
  - {name: tmp, mountPath: /tmp}
  - {name: scripts, mountPath: /scripts, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/postgres, readOnly: true}
{{- end }}

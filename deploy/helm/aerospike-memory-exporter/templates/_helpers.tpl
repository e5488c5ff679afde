{{- define "exporter.name" -}}
{{- $name := printf "%s-%s" .Release.Name .Chart.Name }}
{{- if contains .Chart.Name .Release.Name }}{{ $name = .Release.Name }}{{ end }}
{{- $name | trunc 46 | trimSuffix "-" }}
{{- end }}

{{- define "exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "exporter.labels" -}}
{{ include "exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "exporter.address" -}}
{{ include "exporter.name" . }}.{{ .Release.Namespace }}.svc:9845
{{- end }}

{{/* The rules with what the values say in place of what files/rules.yml leaves open. */}}
{{- define "exporter.rules" -}}
{{- $rules := .Values.rules }}
{{- $cache := "" }}
{{- if eq (len $rules.cacheNamespaces) 1 }}
{{- $cache = printf ", ns!=%q" (first $rules.cacheNamespaces) }}
{{- else if $rules.cacheNamespaces }}
{{- $cache = printf ", ns!~%q" (regexReplaceAll "[.$]" (join "|" $rules.cacheNamespaces) "[${0}]") }}
{{- end }}
{{- $labels := "" }}
{{- range $rules.targetLabels }}{{ $labels = printf "%s, %s" $labels . }}{{ end }}
{{- $text := .Files.Get "files/rules.yml" | replace "<job>" $rules.job | replace ", ns!=\"<cache>\"" $cache | replace ", <labels>" $labels }}
{{- if $rules.docsUrl }}
{{- $text = replace "<docs>" (trimSuffix "/" $rules.docsUrl) $text }}
{{- else }}
{{- $text = replace "runbook_url: \"<docs>/" "runbook: \"docs/" $text }}
{{- end }}
{{- if $rules.dashboardsUrl }}
{{- $text = replace "<dashboards>" (trimSuffix "/" $rules.dashboardsUrl) $text }}
{{- else }}
{{- $text = regexReplaceAll " *dashboard_url: .*\n" $text "" }}
{{- end }}
{{- $text }}
{{- end }}

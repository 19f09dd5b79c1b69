// Ships lines with the SDK of OpenTelemetry, as JSON and as protobuf.
const [, , base, token, count] = process.argv
const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs')
const { resourceFromAttributes } = require('@opentelemetry/resources')

async function ship (kind) {
  const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`)
  const exporter = new OTLPLogExporter({ url: base + '/v1/logs', headers: { Authorization: 'Bearer ' + token }, compression: kind === 'proto' ? 'gzip' : 'none' })
  const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize: 100000, maxExportBatchSize: 500, scheduledDelayMillis: 100 })
  const provider = new LoggerProvider({ resource: resourceFromAttributes({ 'service.name': 'otel-' + kind, 'host.name': 'app-01' }), processors: [processor] })
  const log = provider.getLogger('shop', '1.2')
  for (let i = 0; i < Number(count); i++) log.emit({ timestamp: Date.now() - i, severityNumber: 17, severityText: 'ERROR', body: `span ${i} failed`, attributes: { n: i, 'http.route': '/pay' } })
  await provider.forceFlush()
  await provider.shutdown()
}

Promise.all([ship('http'), ship('proto')]).catch((e) => { console.error(e); process.exit(1) })

// Logs with pino to an Elasticsearch and to a Loki.
const [, , elastic, loki, token, count] = process.argv
const pino = require('pino')
const stream = require('pino-elasticsearch')({ index: 'pino', node: elastic, esVersion: 8, flushBytes: 20000, auth: { bearer: token } })
const dropped = []
stream.on('insertError', (e) => dropped.push(String(e)))
stream.on('error', (e) => dropped.push(String(e)))
const log = pino({ base: { service: { name: 'checkout' }, pid: 17 } }, stream)
for (let i = 0; i < Number(count); i++) log.info({ n: i }, `order ${i} paid`)
log.error(new Error('the card was refused'), 'payment failed')

const transport = pino.transport({ target: 'pino-loki', options: { batching: { interval: 1 }, host: loki, basicAuth: { username: 'shipper', password: token }, labels: { app: 'basket' }, propsToLabels: ['n'] } })
const second = pino({}, transport)
for (let i = 0; i < Number(count); i++) second.warn({ n: i % 5 }, `basket ${i} is empty`)

stream.end()
stream.on('finish', () => { if (dropped.length > 0) { console.error(dropped.slice(0, 3)); process.exitCode = 1 } })
transport.end()

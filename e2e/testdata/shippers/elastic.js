// Ships lines with the bulk helper of a client of Elasticsearch's makers, asks
// for them in the ways it has, and prints what it learned.
const [, , client, node, token, count] = process.argv
const { Client, errors } = require(client)
const es = new Client({ node, auth: { bearer: token } })
const index = client.replace(/\W/g, '')

async function main () {
  const docs = []
  for (let i = 0; i < Number(count); i++) docs.push({ '@timestamp': new Date(Date.now() - i * 1000).toISOString(), message: `line ${i} of node`, service: { name: 'shop' }, n: i })
  docs.push({ '@timestamp': 'the day before yesterday', message: 'a time that nobody reads' })
  const dropped = []
  const shipped = await es.helpers.bulk({
    datasource: docs, flushBytes: 50000, concurrency: 3, retries: 0,
    onDocument: (doc) => ({ create: { _index: index, _id: doc.n === undefined ? 'odd' : String(doc.n) } }),
    onDrop: (d) => dropped.push([d.status, d.error.type])
  })
  const again = await es.helpers.bulk({
    datasource: docs.slice(0, 100), retries: 0,
    onDocument: (doc) => ({ create: { _index: index, _id: String(doc.n) } }), onDrop: () => {}
  })
  const found = await es.search({ index, query: { match_phrase: { message: 'of node' } }, size: 3, sort: [{ '@timestamp': 'desc' }], aggs: { services: { terms: { field: 'service.name' } } } })
  let scrolled = 0
  for await (const page of es.helpers.scrollSearch({ index, size: 200, query: { match_all: {} } })) scrolled += page.documents.length
  const pit = await es.openPointInTime({ index, keep_alive: '1m' })
  let paged = 0
  let after
  for (;;) {
    const page = await es.search({ pit: { id: pit.id, keep_alive: '1m' }, size: 300, sort: [{ '@timestamp': 'asc' }], ...(after && { search_after: after }) })
    if (page.hits.hits.length === 0) break
    paged += page.hits.hits.length
    after = page.hits.hits.at(-1).sort
  }
  await es.closePointInTime({ id: pit.id })
  const caps = await es.fieldCaps({ index, fields: 'n,message,@timestamp' })
  let mistake
  try {
    await es.search({ index, query: { nonsense: {} } })
  } catch (e) {
    mistake = e instanceof errors.ResponseError && e.statusCode
  }
  console.log(JSON.stringify({
    shipped: shipped.successful, failed: shipped.failed, dropped, again: again.successful,
    total: found.hits.total.value, newest: found.hits.hits[0]._source.message, services: found.aggregations.services.buckets.map((b) => [b.key, b.doc_count]),
    scrolled, paged, exists: await es.indices.exists({ index }), unknown: await es.indices.exists({ index: 'nobody' }), one: (await es.get({ index, id: '7' }))._source.n,
    types: [Object.keys(caps.fields.n)[0], Object.keys(caps.fields.message)[0], Object.keys(caps.fields['@timestamp'])[0]], mistake
  }))
}

main().catch((e) => { console.error(e); process.exit(1) })

// Reads a flowchart from standard input with Mermaid's own parser, and writes the texts of its nodes and its edges as JSON.
import { readFileSync } from 'node:fs'
import { JSDOM } from 'jsdom'

// Mermaid cleans texts with DOMPurify, which needs a page.
const { window } = new JSDOM('')
global.window = window
global.document = window.document

const { default: mermaid } = await import('mermaid')
const text = readFileSync(0, 'utf8')
await mermaid.parse(text)
const diagram = await mermaid.mermaidAPI.getDiagramFromText(text)
const unescape = text => {
  // Mermaid keeps entities as ﬂ°°34¶ß until it draws.
  return text.replace(/ﬂ°°(\d+)¶ß/g, (_, n) => String.fromCodePoint(Number(n))).replace(/ﬂ°(\w+)¶ß/g, '&$1;')
}
const nodes = [...diagram.db.getVertices().values()].map(node => unescape(node.text))
const edges = diagram.db.getEdges().map(edge => ({ from: edge.start, to: edge.end, text: unescape(edge.text) }))
process.stdout.write(JSON.stringify({ type: diagram.type, nodes, edges }))

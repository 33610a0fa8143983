import { IngestMarks } from '../../../src/archive/ingest-marks.js'

// A node that does not know what it had stored: what a damaged log lost is not missed.
IngestMarks.prototype.open = () => []

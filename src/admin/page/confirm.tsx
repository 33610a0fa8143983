import { useEffect, useRef } from 'preact/hooks'

export interface Question {
  text: string
  /** What the button says that does it. */
  yes: string
  act(): Promise<unknown>
}

/** Asks before anything is changed. */
export function Confirm({ question, onDone }: { question: Question | undefined; onDone(error?: string): void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (question !== undefined) dialog.current?.showModal()
  }, [question])
  const act = async (): Promise<void> => {
    dialog.current?.close()
    const failure = await question?.act().then(
      () => undefined,
      (err: Error) => err.message
    )
    onDone(failure)
  }
  const cancel = (): void => {
    dialog.current?.close()
    onDone()
  }
  return (
    <dialog ref={dialog} aria-labelledby="question" onCancel={() => onDone()}>
      <p id="question">{question?.text}</p>
      <p class="buttons">
        <button type="button" onClick={cancel}>
          Cancel
        </button>
        <button type="button" class="strong" onClick={() => void act()}>
          {question?.yes}
        </button>
      </p>
    </dialog>
  )
}

// Where the editor begins.
import { Theme } from '../theme.js';
import { Api } from './api.js';
import { Editor } from './editor.js';

const box = document.querySelector<HTMLElement>('#editor');
if (box) {
  const search = new URLSearchParams(location.search);
  const editor = new Editor(box, new Api(box.dataset['token'] ?? ''), new Theme(document.querySelector('header')));
  void editor.open(search.get('page'), search.get('query')).then(() => { box.dataset['ready'] = ''; });
}

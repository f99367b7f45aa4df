import albumentations as A
import cv2, numpy as np, pandas as pd, random, os
import segmentation_models_pytorch as smp
import torch
from albumentations.pytorch import ToTensorV2
from sklearn.model_selection import KFold
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm


def seed_everything(s=2024):
    random.seed(s); np.random.seed(s); torch.manual_seed(s); torch.cuda.manual_seed_all(s)
    os.environ["PYTHONHASHSEED"] = str(s)


class Masks(Dataset):
    def __init__(self, df, tf):
        self.df, self.tf = df.reset_index(drop=True), tf

    def __len__(self):
        return len(self.df)

    def __getitem__(self, i):
        r = self.df.iloc[i]
        img, msk = cv2.imread(r.image)[..., ::-1], cv2.imread(r.mask, 0) / 255.0
        out = self.tf(image=img, mask=msk)
        return out["image"], out["mask"][None].float()


train_tf = A.Compose([A.RandomCrop(256, 256), A.HorizontalFlip(), A.ShiftScaleRotate(), A.Normalize(), ToTensorV2()])
val_tf = A.Compose([A.CenterCrop(256, 256), A.Normalize(), ToTensorV2()])
dice, bce = smp.losses.DiceLoss("binary"), torch.nn.BCEWithLogitsLoss()
crit = lambda p, t: 0.5 * dice(p, t) + 0.5 * bce(p, t)


def train_one(model, dl, opt, sched, scaler, accum=2):
    model.train()
    tot = 0
    for i, (x, y) in enumerate(tqdm(dl)):
        with torch.autocast("cuda"):
            loss = crit(model(x.cuda()), y.cuda()) / accum
        scaler.scale(loss).backward()
        if (i + 1) % accum == 0 or i + 1 == len(dl):
            scaler.step(opt); scaler.update(); opt.zero_grad()
            sched.step()
        tot += loss.item() * accum
    return tot / len(dl)


@torch.no_grad()
def valid_one(model, dl):
    model.eval()
    return np.mean([crit(model(x.cuda()), y.cuda()).item() for x, y in dl])


seed_everything()
df = pd.read_csv("train.csv")
for fold, (a, b) in enumerate(KFold(5, shuffle=True, random_state=1).split(df)):
    tdl = DataLoader(Masks(df.iloc[a], train_tf), 16, True, num_workers=4, drop_last=True)
    vdl = DataLoader(Masks(df.iloc[b], val_tf), 32, False, num_workers=4)
    model = smp.Unet("efficientnet-b3", encoder_weights="imagenet").cuda()
    opt = torch.optim.AdamW(model.parameters(), 3e-4, weight_decay=1e-2)
    EPOCHS = 20
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=EPOCHS * -(-len(tdl) // 2))
    scaler, best = torch.amp.GradScaler(), 1e9
    for ep in range(EPOCHS):
        t, v = train_one(model, tdl, opt, sched, scaler), valid_one(model, vdl)
        if v < best:
            best = v
            torch.save(model.state_dict(), f"fold{fold}.pth")

from fastai.vision.all import *

path = untar_data(URLs.PETS) / "images"
set_seed(42)
dls = ImageDataLoaders.from_name_func(
    path, get_image_files(path), valid_pct=0.2, label_func=lambda f: f[0].isupper(), item_tfms=Resize(224), batch_tfms=aug_transforms(),
)
learn = vision_learner(dls, resnet34, metrics=error_rate, cbs=[SaveModelCallback(monitor="error_rate")])
lr = learn.lr_find().valley
learn.fine_tune(4, lr)
interp = ClassificationInterpretation.from_learner(learn)
interp.plot_confusion_matrix()
learn.export("pets.pkl")
